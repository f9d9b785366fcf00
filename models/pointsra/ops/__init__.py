"""Pure functions on points: sampling, neighbors, patches, masks, orders, distances, transforms, splatting."""
