"""Peers' pre-training on this engine: one learner a method, all through the one loop."""
