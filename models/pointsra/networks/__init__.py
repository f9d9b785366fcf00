"""Torch modules with plain constructor arguments. They know nothing of losses or settings."""
