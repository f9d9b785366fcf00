"""What becomes of the exceptions that a reader did not foresee, and of what other libraries log while they read."""

import logging
import re

import pytest
import trimesh

from pointsra.data import files
from pointsra.data.files import read_cloud
from pointsra.errors import InputFileError, MissingExtraError


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """A file whose reader raises what it is given."""

    def file_that_raises(cause):
        def stop(path):
            raise cause

        monkeypatch.setitem(files._READERS, "xyz", stop)
        (tmp_path / "a.xyz").write_text("1 2 3\n")
        return tmp_path / "a.xyz"

    return file_that_raises


@pytest.mark.parametrize("cause", [RuntimeError("one\ntwo"), ArithmeticError()])
def test_what_no_reader_thought_of_is_a_damaged_file(failing, cause):
    said = str(cause).split("\n")[0] or "ArithmeticError"
    with pytest.raises(InputFileError, match=rf"a\.xyz: not a whole xyz file \({said}\)\.$") as caught:
        read_cloud(failing(cause))
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize("cause", [MissingExtraError("laspy"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_file_stays_what_it_is(failing, cause):
    with pytest.raises(type(cause)) as caught:
        read_cloud(failing(cause))
    assert caught.value is cause


def test_what_trimesh_stumbles_over_is_not_printed_but_can_be_heard(tmp_path, monkeypatch, capsys):
    box = trimesh.creation.box().export(file_type="stl_ascii").encode()
    (tmp_path / "a.stl").write_bytes(re.sub(rb"normal .*", b"normal -1.#IND -1.#IND -1.#IND", box))
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest listens there: nobody else does
    monkeypatch.setattr(logging.getLogger("trimesh"), "handlers", [])
    assert len(read_cloud(tmp_path / "a.stl").vertices) == 36
    assert capsys.readouterr() == ("", "")
    heard = []
    listener = logging.Handler()
    monkeypatch.setattr(listener, "handle", heard.append)
    monkeypatch.setattr(logging.root, "handlers", [listener])
    read_cloud(tmp_path / "a.stl")
    assert "face_normals" in heard[0].getMessage()
    assert len(logging.getLogger("trimesh").handlers) == 1
