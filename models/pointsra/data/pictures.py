"""A picture as one gray, square view, its background turned to 0: what an image encoder looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.errors import InputFileError

_LARGEST = 1 << 26  # pixels; ours: eight thousand by eight thousand
_SAME = 12  # gray levels that still count as background; ours


def read_gray_view(path: Path, size: int) -> NDArray[np.uint8]:
    """Read a picture, fill it up to a square with the color of its corners, and bring it to ``size``.

    Args:
        path: PNG, JPEG or another format that Pillow reads.
        size: H, pixels.

    Returns:
        (H, H) uint8; what has the color of the corners is 0, nothing else is.

    Raises:
        InputFileError: the file is missing, not a picture or not a file, cut short, or unreasonably large.
    """
    from PIL import Image, UnidentifiedImageError

    if path.exists() and not path.is_file():
        raise InputFileError(f"{path}: this is a folder, a pipe or a device, not a picture.")
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > _LARGEST:
                raise InputFileError(f"{path}: a picture of {width} by {height} pixels is more than is read here.")
            colored = image.convert("RGBA")
    except FileNotFoundError:
        raise InputFileError(f"{path}: there is no such picture.") from None
    except UnidentifiedImageError as cause:
        raise InputFileError(f"{path}: not a picture, or damaged.") from cause
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as cause:
        raise InputFileError(f"{path}: the picture is cut short or damaged ({cause}).") from cause
    backed = Image.alpha_composite(Image.new("RGBA", colored.size, "white"), colored).convert("L")
    corner = int(np.median(np.asarray(backed)[[0, 0, -1, -1], [0, -1, 0, -1]]))
    side = max(backed.size)
    square = Image.new("L", (side, side), corner)
    square.paste(backed, ((side - backed.width) // 2, (side - backed.height) // 2))
    view = np.asarray(square.resize((size, size), Image.Resampling.LANCZOS)).astype(np.int16)
    return np.where(np.abs(view - corner) < _SAME, 0, np.clip(view, 1, 255)).astype(np.uint8)
