"""Point-SRA: self-representation alignment for 3D representation learning (AAAI 2026, arXiv 2601.01746).

``pointsra.load()`` gives a model that embeds clouds and completes them. Importing the package itself is cheap:
torch is imported when something is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointsra.reconstruction.model import Model, load

__all__ = ["Model", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from pointsra.reconstruction import model

        return getattr(model, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("pointsra")
    raise AttributeError(f"module 'pointsra' has no attribute {name!r}")
