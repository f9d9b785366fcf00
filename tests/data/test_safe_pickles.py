"""Pickles of arrays: every way numpy writes them is read, and nothing that a pickle names is ever run."""

import os
import pickle
import pickletools
import random
import struct
import tracemalloc

import numpy as np
import pytest

from pointsra.data.safe_pickles import load_arrays
from pointsra.errors import DataError

PROTOCOLS = (2, 3, 4, 5)
OLD, NEW = "numpy.core", "numpy._core"


def written(value, protocol, root=None):
    """A pickle whose names of numpy's modules begin with ``root``, whichever numpy is installed."""
    content = pickle.dumps(value, protocol)
    if root is None:
        return content
    for module in ("multiarray", "numeric"):
        for known in (OLD, NEW):
            found, wanted = f"{known}.{module}".encode(), f"{root}.{module}".encode()
            content = content.replace(b"c" + found + b"\n", b"c" + wanted + b"\n")
            content = content.replace(bytes([0x8C, len(found)]) + found, bytes([0x8C, len(wanted)]) + wanted)
    return content


def saved(tmp_path, content):
    path = tmp_path / "content.pkl"
    path.write_bytes(content)
    return path


def same(found, wanted):
    if isinstance(wanted, np.ndarray):
        assert isinstance(found, np.ndarray) and found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    elif isinstance(wanted, list | tuple):
        assert type(found) is type(wanted) and len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            same(found[key], value)
    else:
        assert found == wanted and isinstance(found, type(wanted) if not isinstance(wanted, bytes) else bytes)


def refused(tmp_path, content, *words):
    path = saved(tmp_path, content)
    with pytest.raises(DataError) as caught:
        load_arrays(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text
    for word in words:
        assert word in text
    return text


@pytest.mark.parametrize("root", [OLD, NEW])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cache_and_a_fold_of_either_numpy(tmp_path, protocol, root):
    rng = np.random.default_rng(0)
    points = [rng.normal(size=(700, 6)).astype(np.float32) for _ in range(3)]
    content = written([points, [np.array([number], np.int32) for number in range(3)]], protocol, root)
    assert (root.encode() + b".") in content
    same(load_arrays(saved(tmp_path, content)), [points, [np.array([number], np.int32) for number in range(3)]])
    fold = {"train": [(points[0], 0, np.int32(7))], "test": [(points[1], 4, np.int64(39)), (points[1], 4, 12)]}
    same(load_arrays(saved(tmp_path, written(fold, protocol, root))), fold)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_every_kind_of_number(tmp_path, protocol):
    values = [
        np.arange(6, dtype=kind).reshape(2, 3) for kind in ("<f4", ">f4", "f8", "f2", "i1", "<u2", ">i8", "u8", "i4")
    ]
    values += [
        np.array([True, False]),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(24.0).reshape(2, 3, 4)[:, ::2],  # not contiguous
        np.array(3.5),
        np.arange(2000, dtype=np.uint8) % 251,
    ]
    kept = [*values, *values[:2], -1, 0, 255, 65536, -(2**31), 2**40, 1.5, None, True, "käse", (), (1, "two", [])]
    same(load_arrays(saved(tmp_path, pickle.dumps(kept, protocol))), kept)


def test_what_python_2_wrote(tmp_path):
    dtype = b"cnumpy\ndtype\nq\x01U\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    raw = np.arange(300, dtype="<f4").tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btRq\x02(K\x01K\x64K\x03\x86"
    array += dtype + b"\x89T" + struct.pack("<I", len(raw)) + raw + b"tb"
    content = b"\x80\x02}q\x00U\x05train]q\x03" + array + b"ah\x02as."
    same(load_arrays(saved(tmp_path, content)), {"train": [np.arange(300, dtype="<f4").reshape(100, 3)] * 2})


def test_arrays_are_views_of_the_file(tmp_path):
    points = [np.zeros((50_000, 6), np.float32) for _ in range(20)]
    path = saved(tmp_path, pickle.dumps([points, list(range(20))], 4))
    del points
    tracemalloc.start()
    content = load_arrays(path)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 20_000_000 and taken < 1_000_000
    assert not content[0][0].flags.writeable and content[0][19].shape == (50_000, 6)


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, target, *arguments):
        self.call = (target, arguments)

    def __reduce__(self):
        return self.call


NAMED = {
    "system": (Calls(os.system, "false"), "system"),
    "eval": (Calls(eval, "1"), "eval"),
    "getattr": (Calls(getattr, "text", "upper"), "getattr"),
    "import": (Calls(__import__, "os"), "__import__"),
    "numpy.load": (Calls(np.load, "x.npy", None, True), "load"),
    "nested": ([np.zeros(3), {"a": (Calls(Calls, os.system),)}], "Calls"),
    "a plain class": (random.Random(0), "Random"),
    "a set": ({1, 2}, None),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", NAMED)
def test_names_of_anything_else_are_refused(tmp_path, name, protocol):
    value, named = NAMED[name]
    text = refused(tmp_path, pickle.dumps(value, protocol), "carries code", "it was not opened.")
    assert named is None or named in text


def test_nothing_is_run(tmp_path):
    sign = tmp_path / "was here"
    refused(tmp_path, pickle.dumps(Calls(os.mkdir, str(sign))), "mkdir")
    refused(
        tmp_path,
        b"\x80\x02cos\nmkdir\n(X" + struct.pack("<I", len(str(sign))) + str(sign).encode() + b"tR.",
        "os.mkdir",
    )
    assert not sign.exists()


def stack_global(module, name):
    return b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)) + b"\x93"


TRICKS = {
    "orders to a terminal": (stack_global("os\n\x1b[2J", "system"), "names os??[2J.system"),
    "a call of what a call gave": (
        stack_global("numpy", "dtype") + b"\x8c\x02f4\x85R" + b"\x8c\x02f4\x85R.",
        "calls what is no name",
    ),
    "a dotted name": (stack_global("numpy", "ndarray.__class__") + b"N\x85R.", "names numpy.ndarray.__class__"),
    "a module of numpy": (stack_global("numpy", "load") + b")R.", "names numpy.load"),
    "fromfile": (stack_global("numpy", "fromfile") + b")R.", "names numpy.fromfile"),
    "another array class": (
        stack_global("numpy._core.multiarray", "_reconstruct") + stack_global("numpy", "memmap") + b"\x85R.",
        "names numpy.memmap",
    ),
    "reconstruct of dtype": (
        stack_global("numpy._core.multiarray", "_reconstruct") + stack_global("numpy", "dtype") + b"\x85R.",
        "builds what is no numpy array",
    ),
    "a bare call of ndarray": (stack_global("numpy", "ndarray") + b"K\x05\x85R.", "calls numpy.ndarray"),
    "instance": (b"(ios\nsystem\n.", "names os.system"),
    "object": (b"(cnumpy\nndarray\no.", "uses the instruction OBJ"),
    "new object": (stack_global("numpy", "ndarray") + b")\x81.", "uses the instruction NEWOBJ"),
    "persistent": (b"K\x01Q.", "uses the instruction BINPERSID"),
    "extension": (b"\x82\x01.", "uses the instruction EXT1"),
    "out of band": (b"\x97.", "uses the instruction NEXT_BUFFER"),
    "state of a list": (b"]}b.", "changes what is no array, but list"),
    "state of a name": (stack_global("numpy", "ndarray") + b"}b.", "changes what is no array"),
    "objects inside": (stack_global("numpy", "dtype") + b"\x8c\x02O8\x85R.", "array of type 'O8'"),
    "records": (stack_global("numpy", "dtype") + b"\x8c\x03V12\x85R.", "array of type 'V12'"),
}


@pytest.mark.parametrize("name", TRICKS)
def test_tricks_are_refused(tmp_path, name):
    body, words = TRICKS[name]
    refused(tmp_path, b"\x80\x04" + body, words)


def test_object_arrays_are_refused(tmp_path):
    refused(tmp_path, pickle.dumps(np.array([{}, []], dtype=object)), "array of type 'O8'", "not of numbers")


def f4(shape, raw):
    """An array of float32, its shape and bytes written as given."""
    head = stack_global("numpy._core.multiarray", "_reconstruct") + stack_global("numpy", "ndarray")
    head += b"K\x00\x85C\x01b\x87R(K\x01" + shape
    dtype = (
        stack_global("numpy", "dtype")
        + b"\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    return head + dtype + b"\x89C" + bytes([len(raw)]) + raw + b"tb"


def test_what_is_promised_and_not_there(tmp_path):
    sound = f4(b"K\x02K\x01\x86", b"\0" * 8)
    same(load_arrays(saved(tmp_path, b"\x80\x04" + sound + b".")), np.zeros((2, 1), np.float32))
    for shape in (
        b"K\x03K\x01\x86",
        b"J\x00\x00\x00\x40\x85",
        b"J\xff\xff\xff\xff\x85",
        b"K\x02",
        b"G" + bytes(8) + b"\x85",
    ):
        refused(tmp_path, b"\x80\x04" + f4(shape, b"\0" * 8) + b".", "damaged at byte", "array")
    huge = b"\x8a\x09" + (1 << 63).to_bytes(9, "little")
    refused(tmp_path, b"\x80\x04" + f4(huge + b"K\x00\x86", b"") + b".", "damaged at byte")
    for claim in (
        b"B\xff\xff\xff\x7f",
        b"\x8e" + b"\xff" * 7 + b"\x7f",
        b"\x8d" + b"\xff" * 7 + b"\x7f",
        b"T\xff\xff\xff\x7f",
    ):
        refused(tmp_path, b"\x80\x04" + claim + b"abc.", "bytes wanted, 4 are left")
    refused(tmp_path, b"\x80\x02\x8b\xff\xff\xff\x7f.", "carries code")  # LONG4
    refused(tmp_path, b"\x80\x02\x8a\xff" + b"\x01" * 255 + b".", "an integer of 255 bytes")


def test_memory_stays_in_proportion_to_the_file(tmp_path):
    # A memo that would have two thousand million places, and one text turned into bytes a hundred thousand times.
    assert load_arrays(saved(tmp_path, b"\x80\x02K\x07r\xff\xff\xff\x7fj\xff\xff\xff\x7f\x86.")) == (7, 7)
    text = b"\x8c\x06latin1\x94X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000 + b"\x94"
    content = b"\x80\x04" + stack_global("_codecs", "encode") + b"\x94" + text
    content += b"h\x00h\x02h\x01\x86R" * 100_000 + b"."
    tracemalloc.start()
    refused(tmp_path, content, "again and again")
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 8 * len(content)


def test_endless_programs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pointsra.data.safe_pickles._MOST_INSTRUCTIONS", 1000)
    refused(tmp_path, b"\x80\x04" + b"]" * 2000 + b".", "more than 1000 instructions")
    deep = b"\x80\x04" + b"]" * 400 + b"a" * 399 + b"."
    assert len(load_arrays(saved(tmp_path, deep))) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cut_short_anywhere(tmp_path, protocol):
    content = pickle.dumps([[np.zeros((400, 6), np.float32)] * 2, [np.array([1], np.int32)] * 2], protocol)
    path = saved(tmp_path, content)
    for end in [*range(0, 60), *range(60, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match=r"content\.pkl: (is empty|not a pickle|cut short or damaged)"):
            load_arrays(path)


def test_damage_anywhere_is_one_sentence_or_harmless(tmp_path):
    rng = random.Random(0)
    content = pickle.dumps({"train": [(np.ones((30, 6), np.float32), 3, np.int32(3))], "test": [2.5, "x"]}, 4)
    path = saved(tmp_path, content)
    outcomes = set()
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(2, len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            load_arrays(path)
            outcomes.add("read")
        except DataError as problem:
            assert "\n" not in str(problem)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_not_a_pickle(tmp_path):
    refused(tmp_path, b"", "is empty")
    refused(tmp_path, b"\x80", "not a pickle")
    refused(tmp_path, b"PK\x03\x04 a zip", "not a pickle of protocol 2 to 5")
    refused(tmp_path, pickle.dumps([1], 0), "not a pickle of protocol 2 to 5")
    refused(tmp_path, b"\x80\x06].", "not a pickle of protocol 2 to 5")
    refused(tmp_path, b"\x80\x04\xf7.", "damaged at byte 2 (no pickle has 0xf7 there)")
    with pytest.raises(DataError, match=r"none\.pkl: cannot be read"):
        load_arrays(tmp_path / "none.pkl")
    with pytest.raises(DataError, match="cannot be read"):
        load_arrays(tmp_path)


def test_only_instructions_of_data_are_known():
    from pointsra.data.safe_pickles import _INSTRUCTIONS

    known = {opcode.name for opcode in pickletools.opcodes if ord(opcode.code) in _INSTRUCTIONS}
    dangerous = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER"}
    assert not known & dangerous and len(known) == len(_INSTRUCTIONS)
