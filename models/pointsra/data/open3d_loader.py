"""Import open3d, which needs a system library that many machines lack.

Its Linux wheels are linked against ``libusb-1.0.so.0`` without bringing it. Where the system has none, the copy
in the ``libusb-package`` wheel is loaded first. Nothing is drawn here.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from pointsra.errors import MissingExtraError

_HOW = "install it with: pip install 'pointsra[open3d]'"


def load_open3d(what: str = "The live window") -> ModuleType:
    """The module ``open3d``.

    Args:
        what: needs it, as the beginning of a sentence.

    Raises:
        MissingExtraError: it is not installed, or a library it needs cannot be loaded.
    """
    if importlib.util.find_spec("open3d") is None:
        raise MissingExtraError(f"{what} needs the package open3d, which is not installed; {_HOW}.")
    if sys.platform.startswith("linux") and "open3d" not in sys.modules:
        _preload_libusb()
    try:
        return importlib.import_module("open3d")
    except (ImportError, OSError) as cause:
        reason = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        raise MissingExtraError(f"The package open3d cannot be loaded ({reason}); {_HOW}.") from cause


def libusb_library() -> Path | None:
    """The library file inside the ``libusb-package`` wheel, or None; the package itself is not imported."""
    spec = importlib.util.find_spec("libusb_package")
    folders = [] if spec is None or spec.submodule_search_locations is None else spec.submodule_search_locations
    for folder in folders:
        for found in sorted(Path(folder).glob("**/libusb-1.0*.so*")):
            return found
    return None


def _preload_libusb() -> None:
    try:
        ctypes.CDLL("libusb-1.0.so.0", mode=ctypes.RTLD_GLOBAL)
        return
    except OSError:
        pass  # the system has none
    library = libusb_library()
    if library is not None:
        with suppress(OSError):  # the import below says what is missing
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
