"""Files of ``torch.save``, written beside their place and renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pointsra.data.replacing import replacing


def write_torch_file(content: Any, path: Path) -> None:
    """Write what ``torch.load`` reads.

    Raises:
        OutputError: no permission or no space; the former file stays.
    """
    with replacing(path) as partial:
        try:
            with partial.open("wb") as file:  # given a path, torch forgets why the system refused
                torch.save(content, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
