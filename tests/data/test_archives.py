"""Packed raw data: what is unpacked, and every way in which an archive may not be trusted."""

import io
import os
import stat
import tarfile
import zipfile

import pytest

from pointsra.data import archives
from pointsra.data.archives import raw_folder, unpacked
from pointsra.errors import DataError, OutputError

FILES = {"h5_files/main_split/a.h5": b"alpha" * 400, "h5_files/b.txt": b"beta", "h5_files/empty": b""}


def packed_zip(path, files=FILES, **kinds):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (2020, 5, 17, 12, 0, 0))
            info.external_attr = kinds.get(name, stat.S_IFREG | 0o644) << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def packed_tar(path, files=FILES, mode="w", change=lambda info: info):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_600_000_000
            archive.addfile(change(info), io.BytesIO(content))
    return path


def result(tmp_path):
    return tmp_path / "data" / "scanobjectnn"


def hidden(tmp_path):
    return sorted(each.name for each in (tmp_path / "data").iterdir())


PACKERS = {
    "a.zip": packed_zip,
    "a.tar": packed_tar,
    "a.tar.gz": lambda path: packed_tar(path, mode="w:gz"),
    "a.tgz": lambda path: packed_tar(path, mode="w:gz"),
    "a.tar.xz": lambda path: packed_tar(path, mode="w:xz"),
    "misnamed.bin": packed_zip,
}


@pytest.mark.parametrize("name", PACKERS)
def test_unpacked_beside_the_result_and_gone_afterwards(tmp_path, name):
    path = PACKERS[name](tmp_path / name)
    seen = []
    with raw_folder(path, result(tmp_path), seen.append) as folder:
        found = {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
        assert found == FILES
        assert folder.is_relative_to(tmp_path / "data")
        assert folder.parent.name.startswith(".scanobjectnn.raw-")
        times = [each.stat().st_mtime_ns for each in sorted(folder.rglob("*.*"))]
    assert seen[-1].done == len(FILES)
    assert hidden(tmp_path) == []
    with raw_folder(path, result(tmp_path)) as folder:
        assert times == [each.stat().st_mtime_ns for each in sorted(folder.rglob("*.*"))]


def test_folders_and_nothing_are_given_back(tmp_path):
    for raw in (None, tmp_path, tmp_path / "missing"):
        with raw_folder(raw, result(tmp_path)) as folder:
            assert folder == raw
    assert not (tmp_path / "data").exists()


def test_kept_after_a_kill_and_used_again(tmp_path):
    path = packed_zip(tmp_path / "a.zip")
    with pytest.raises(KeyboardInterrupt), raw_folder(path, result(tmp_path)) as folder:
        (folder / "mark").touch()
        raise KeyboardInterrupt
    with raw_folder(path, result(tmp_path)) as folder:
        assert (folder / "mark").exists()
    with pytest.raises(DataError), raw_folder(path, result(tmp_path)):
        raise DataError("a file is bad")
    assert hidden(tmp_path) == []


def test_another_archive_of_the_same_name_is_unpacked_anew(tmp_path):
    path = packed_zip(tmp_path / "a.zip")
    first = unpacked(path, result(tmp_path))
    os.utime(path, (1, 1))
    assert unpacked(path, result(tmp_path)) != first


def test_leftovers_are_dropped(tmp_path):
    path = packed_zip(tmp_path / "a.zip")
    place = unpacked(path, result(tmp_path)).parent
    for name in (f"{place.name}.partial", ".scanobjectnn.raw-0123456789abcdef", ".other.raw-0123456789abcdef"):
        (place.with_name(name) / "files").mkdir(parents=True)
    unpacked(path, result(tmp_path))
    assert hidden(tmp_path) == [".other.raw-0123456789abcdef", place.name]


OUT = ["/etc/x", "../x", "a/../../x", "a/..", "C:/x", "C:x", "..\\x", "a\\..\\..\\x", "\\\\host\\x"]


@pytest.mark.parametrize("name", OUT)
@pytest.mark.parametrize("pack", [packed_zip, packed_tar])
def test_no_member_leaves_its_folder(tmp_path, name, pack):
    path = pack(tmp_path / "a.archive", {"good": b"1", name: b"bad"})
    with pytest.raises(DataError) as caught:
        unpacked(path, result(tmp_path))
    assert str(caught.value).startswith(f"{path}: {name} in it leads out")
    assert hidden(tmp_path) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.archive", "data"]


def test_names_in_messages_are_harmless(tmp_path):
    path = packed_tar(tmp_path / "a.tar", {"../\x1b[2J\udcff": b"bad"})
    with pytest.raises(DataError, match=r"a\.tar: '\.\./\\x1b\[2J\\udcff' in it leads out") as caught:
        unpacked(path, result(tmp_path))
    assert str(caught.value).isprintable()


def linked(kind, target):
    def change(info):
        if info.name == "a/link":
            info.type, info.linkname, info.size = kind, target, 0
        return info

    return change


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "../../../etc/passwd"])
def test_links_out_are_refused(tmp_path, target):
    tars = [packed_tar(tmp_path / "s.tar", {"a/link": b""}, change=linked(tarfile.SYMTYPE, target))]
    tars.append(packed_tar(tmp_path / "h.tar", {"a/link": b""}, change=linked(tarfile.LNKTYPE, target)))
    tars.append(packed_zip(tmp_path / "s.zip", {"a/link": target.encode()}, **{"a/link": stat.S_IFLNK | 0o777}))
    for path in tars:
        with pytest.raises(DataError, match=r"a/link in it is a link out of its folder"):
            unpacked(path, result(tmp_path))
        assert hidden(tmp_path) == []


def test_links_inside_become_files(tmp_path):
    files = {"a/link": b"", "a/real": b"content"}
    paths = [packed_tar(tmp_path / "s.tar", files, change=linked(tarfile.SYMTYPE, "../a/real"))]
    backward = dict(reversed(files.items()))
    paths.append(packed_tar(tmp_path / "h.tar", backward, change=linked(tarfile.LNKTYPE, "a/real")))
    paths.append(packed_zip(tmp_path / "s.zip", {**files, "a/link": b"real"}, **{"a/link": stat.S_IFLNK | 0o777}))
    for path in paths:
        link = unpacked(path, result(tmp_path)) / "a/link"
        assert not link.is_symlink()
        assert link.read_bytes() == b"content"


def test_a_file_through_a_linked_folder_is_refused(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, target in (("x", "."), ("y", "x/..")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        info = tarfile.TarInfo("y/stolen")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"bad"))
    with pytest.raises(DataError, match=r"a\.tar: [xy] in it is a link"):
        unpacked(path, result(tmp_path))
    assert not list(tmp_path.rglob("stolen"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path, kind):
    path = packed_tar(tmp_path / "a.tar", {"a/link": b""}, change=linked(kind, ""))
    with pytest.raises(DataError, match=r"a\.tar: a/link in it is a device or pipe"):
        unpacked(path, result(tmp_path))
    path = packed_zip(tmp_path / "a.zip", {"dev": b""}, dev=stat.S_IFCHR | 0o600)
    with pytest.raises(DataError, match=r"a\.zip: dev in it is a device or pipe"):
        unpacked(path, result(tmp_path))


def test_encrypted_members_are_named(tmp_path):
    path = packed_zip(tmp_path / "a.zip", {"secret.h5": b"x" * 50})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.zip: secret\.h5 in it is encrypted; unpack it yourself"):
        unpacked(path, result(tmp_path))


def test_unknown_packing_is_named(tmp_path):
    path = packed_zip(tmp_path / "a.zip", {"big.h5": b"x" * 50})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(magic) + offset] = 9  # deflate64, as Windows packs large files
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.zip: big\.h5 in it is packed in a way not read here"):
        unpacked(path, result(tmp_path))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5, 0.68])
def test_cut_short_at_any_place(tmp_path, name, share):
    blobs = {f"f{number}": os.urandom(3000) for number in range(4)}
    packer = packed_zip if name == "a.zip" else packed_tar
    path = packer(tmp_path / name, blobs, **({} if name == "a.zip" else {"mode": f"w:{name[6:]}"}))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"cut short|damaged"):
        unpacked(path, result(tmp_path))
    assert hidden(tmp_path) == []


def test_a_tar_cut_between_members(tmp_path):
    path = packed_tar(tmp_path / "a.tar", {"one": b"1" * 512, "two": b"2" * 512})
    path.write_bytes(path.read_bytes()[:1024])  # the first member whole, no end
    with pytest.raises(DataError, match=r"a\.tar: cut short or damaged after one; download it again"):
        unpacked(path, result(tmp_path))


def test_changed_bytes_are_noticed(tmp_path):
    path = packed_zip(tmp_path / "a.zip", {"one": os.urandom(5000)})
    data = bytearray(path.read_bytes())
    data[2000] ^= 255
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.zip: cut short or damaged at one \("):
        unpacked(path, result(tmp_path))
    path = packed_tar(tmp_path / "a.tar.gz", {"one": os.urandom(5000)}, mode="w:gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 255  # the checksum itself
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.tar\.gz: cut short or damaged at one \("):
        unpacked(path, result(tmp_path))


@pytest.mark.parametrize("pack", [packed_zip, packed_tar])
def test_more_than_the_disk_holds(tmp_path, monkeypatch, pack):
    path = pack(tmp_path / "a.archive", {"small": b"1" * 600, "large.bin": bytes(1000)})
    free = type("Usage", (), {"free": 1500})()
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda place: free)
    with pytest.raises(DataError, match=r"up to large\.bin take .* GB unpacked and the disk has .* GB free"):
        unpacked(path, result(tmp_path))
    assert hidden(tmp_path) == []


def test_a_zip_is_weighed_before_anything_is_written(tmp_path, monkeypatch):
    path = packed_zip(tmp_path / "a.zip", {"small": b"1" * 600, "large.bin": bytes(1000)})
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 1500})())
    monkeypatch.setattr(archives, "_write", lambda *given: pytest.fail("written before all was weighed"))
    with pytest.raises(DataError, match=r"up to large\.bin"):
        unpacked(path, result(tmp_path))


def test_a_claimed_size_is_refused_before_it_is_written(tmp_path):
    def change(info):
        info.size = 1 << 60
        return info

    path = tmp_path / "a.tar"
    path.write_bytes(change(tarfile.TarInfo("bomb.npy")).tobuf() + bytes(1024))
    with pytest.raises(DataError, match=r"a\.tar: its files up to bomb\.npy take"):
        unpacked(path, result(tmp_path))


def test_a_huge_header_is_not_read_into_memory(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    path = tmp_path / "a.tar"
    path.write_bytes(tarfile.TarInfo("first").tobuf() + info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(DataError, match=r"a\.tar: cut short or damaged at first \(a header of 1099511627776 bytes"):
        unpacked(path, result(tmp_path))


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MEMBER_LIMIT", 2)
    with pytest.raises(DataError, match=r"more than 2 files, h5_files/empty the next"):
        unpacked(packed_tar(tmp_path / "a.tar"), result(tmp_path))


@pytest.mark.parametrize("names", [("a", "a/b"), ("x" * 400,)])
def test_names_that_cannot_be(tmp_path, names):
    path = packed_zip(tmp_path / "a.zip", dict.fromkeys(names, b"1"))
    with pytest.raises(DataError, match=rf"a\.zip: {names[-1][:200]} in it cannot be written"):
        unpacked(path, result(tmp_path))


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "a.7z"
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    with pytest.raises(DataError, match=r"a\.7z: not a zip or tar archive, or cut short; --raw names a folder"):
        unpacked(path, result(tmp_path))
    with zipfile.ZipFile(tmp_path / "b.zip", "w"):
        pass
    with pytest.raises(DataError, match=r"b\.zip: there is nothing in it"):
        unpacked(tmp_path / "b.zip", result(tmp_path))


def test_no_permission_beside_the_result(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        unpacked(packed_zip(tmp_path / "a.zip"), result(tmp_path))
