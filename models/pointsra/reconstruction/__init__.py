"""Reconstruction: file → unit frame → hide → S completions → the input's frame."""

from pointsra.reconstruction.reconstruct import Completions, ReconstructRequest, reconstruct
from pointsra.reconstruction.writing import write_completions

__all__ = ["Completions", "ReconstructRequest", "reconstruct", "write_completions"]
