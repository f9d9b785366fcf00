"""The live window: what is said where open3d or a screen is missing, and how cells are laid out."""

import importlib.util
import socket
import sys

import numpy as np
import pytest

from pointsra.data import open3d_loader
from pointsra.errors import MissingExtraError, OutputError
from pointsra.ops.splatting import Camera, project
from pointsra.visualization import window
from pointsra.visualization.stills import Cell

CELLS = [Cell(np.random.default_rng(k).normal(size=(50, 3)), (255, 0, 0) if k else None) for k in range(3)]


def test_missing_open3d_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pointsra\[open3d\]'"):
        open3d_loader.load_open3d()


def test_open3d_that_cannot_be_loaded_says_why(monkeypatch):
    def broken(name):
        raise OSError("libusb-1.0.so.0: cannot open shared object file\nmore")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None if "usb" in name else object())
    monkeypatch.setattr(open3d_loader.importlib, "import_module", broken)
    monkeypatch.delitem(sys.modules, "open3d", raising=False)
    with pytest.raises(MissingExtraError, match=r"libusb.*cannot open shared object file\)") as caught:
        open3d_loader.load_open3d()
    assert "\n" not in str(caught.value)


def test_library_is_found_inside_the_wheel(monkeypatch, tmp_path):
    package = tmp_path / "libusb_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "libusb_package", raising=False)
    assert open3d_loader.libusb_library() is None
    (package / "libusb-1.0.so").write_bytes(b"")
    assert open3d_loader.libusb_library() == package / "libusb-1.0.so"
    assert "libusb_package" not in sys.modules


def test_no_screen_names_the_page(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(window, "load_open3d", lambda *_: pytest.fail("open3d was loaded without a screen"))
    with pytest.raises(OutputError, match="HTML page"):
        window.show(CELLS)
    with pytest.raises(ValueError, match="at least one cell"):
        window.show([])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a screen")
@pytest.mark.parametrize("kind", ["wayland", "x11"])
def test_a_screen_must_answer(monkeypatch, tmp_path, kind):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(*(("WAYLAND_DISPLAY", "screen") if kind == "wayland" else ("DISPLAY", f"{tmp_path}/screen:0")))
    with pytest.raises(OutputError, match="no screen answers"):
        window.require_screen()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as screen:
        screen.bind(str(tmp_path / ("screen" if kind == "wayland" else "screen:0")))
        screen.listen(1)
        window.require_screen()
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for wrong in ("nonsense", ":98765"):
        monkeypatch.setenv("DISPLAY", wrong)
        with pytest.raises(OutputError, match=wrong):
            window.require_screen()


def test_cells_stand_beside_one_another():
    camera = Camera(35.0, 20.0)
    points, colors = window.side_by_side(CELLS, camera)
    assert points.shape == colors.shape == (150, 3) and colors.max() <= 1.0
    screen = project(points, camera).reshape(3, 50, 3)
    assert screen[0, :, 0].max() < screen[1, :, 0].min() and screen[1, :, 0].max() < screen[2, :, 0].min()
    assert (colors[50:] == [1, 0, 0]).all() and (colors[:50] != [1, 0, 0]).any()


@pytest.mark.open3d
def test_open3d_loads():
    assert hasattr(open3d_loader.load_open3d().geometry, "PointCloud")
