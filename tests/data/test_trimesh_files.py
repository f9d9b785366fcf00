"""What trimesh passes over in silence: solids of a text STL without an end, and geometry that a glTF packs."""

import json
import struct

import numpy as np
import pytest

from pointsra.data.files import read_cloud
from pointsra.errors import InputFileError


def facet(x):
    corners = f"  vertex {x} 0 0\n  vertex {x + 1} 0 0\n  vertex {x} 1 0\n"
    return f"facet normal 0 0 1\n outer loop\n{corners} endloop\nendfacet\n"


def solid(name, *places):
    return f"solid {name}\n" + "".join(map(facet, places)) + f"endsolid {name}\n"


@pytest.mark.parametrize(
    "text", [solid("a", 0, 5), solid("a", 0) + solid("b", 5), solid("solid1", 0) + solid("x y", 5)]
)
@pytest.mark.parametrize("change", [str, str.upper, lambda text: text.replace("\n", "\r\n")])
def test_whole_solids_are_read(tmp_path, text, change):
    (tmp_path / "a.stl").write_text(change(text), newline="")
    assert len(read_cloud(tmp_path / "a.stl").faces) == 2


def test_text_that_is_cut_anywhere_is_refused(tmp_path):
    text = solid("a", 0) + solid("b", 5, 10)
    whole = len(solid("a", 0))
    for cut in range(len(text) - len("endsolid b\n")):
        if whole - 3 <= cut <= whole + 5:  # a whole file of one solid, its name aside
            continue
        (tmp_path / "a.stl").write_text(text[:cut])
        with pytest.raises(InputFileError, match=r"a\.stl"):
            read_cloud(tmp_path / "a.stl")


def gltf(accessor=None, buffer=None, mesh=None, **top):
    """A triangle as glTF in one file, some of its entries changed."""
    positions = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], dtype="<f4").tobytes()
    tree = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(positions)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(positions), **(buffer or {})}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", **(accessor or {})}],
        "meshes": [mesh or {"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
        **top,
    }
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(positions), b"BIN\0") + positions
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


@pytest.mark.parametrize("top", [{}, {"extensionsRequired": ["KHR_texture_transform"]}])
def test_plain_geometry_is_read(tmp_path, top):
    (tmp_path / "a.glb").write_bytes(gltf(**top))
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.glb").vertices, [(0, 0, 0), (1, 0, 0), (0, 1, 0)])


SPARSE = {"count": 1, "indices": {"bufferView": 0, "componentType": 5121}, "values": {"bufferView": 0}}
PACKED = {
    "draco": (gltf(extensionsRequired=["KHR_draco_mesh_compression"]), "needs KHR_draco_mesh_compression"),
    "meshopt": (gltf(extensionsRequired=["EXT_meshopt_compression"]), "needs EXT_meshopt_compression"),
    "newer meshopt": (gltf(extensionsRequired=["KHR_meshopt_compression"]), "needs KHR_meshopt_compression"),
    "instances": (gltf(extensionsRequired=["EXT_mesh_gpu_instancing"]), "needs EXT_mesh_gpu_instancing"),
    "sparse": (gltf({"sparse": SPARSE}), "the POSITION of mesh 0 is sparse"),
    "quantized": (gltf({"normalized": True}), "the POSITION of mesh 0 is quantized"),
    "nowhere": (gltf({"bufferView": 0}).replace(b'"bufferView": 0', b'"nothing___": 0'), "is not in the file"),
    "no such accessor": (
        gltf(mesh={"primitives": [{"attributes": {"POSITION": 7}}]}),
        "its JSON is not that of a glTF",
    ),
    "a list": (gltf(mesh=[1]), "its JSON is not that of a glTF"),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_geometry_is_refused(tmp_path, name):
    content, words = PACKED[name]
    (tmp_path / "a.glb").write_bytes(content)
    (tmp_path / "a.gltf").write_bytes(content[20 : 20 + struct.unpack_from("<I", content, 12)[0]])
    for path in (tmp_path / "a.glb", tmp_path / "a.gltf"):
        with pytest.raises(InputFileError) as caught:
            read_cloud(path)
        assert words in str(caught.value) and path.name in str(caught.value)
