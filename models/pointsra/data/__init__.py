"""Raw files in, prepared clouds out: reading, writing, preparing and storing point clouds.

The room knows nothing of networks. What it hands on are arrays with fixed shapes; turning those into batches
of tensors is ``loaders``.
"""
