"""What prepare-data takes beside the data set: stand-ins, archives, encoders."""

import json
import shutil


def test_a_stand_in_is_called_one(run, files_here):
    words = ("prepare-data", "scanobjectnn", "--stand-in", "--count", 15, "--variant", "obj_only", "--workers", 1)
    planned = json.loads(run(*words, "--dry-run", "--json").stdout)
    assert planned["plan"]["stand_in"]
    assert files_here() == []
    outcome = run(*words)
    assert outcome.code == 0
    assert "(a stand-in, not scanobjectnn itself)" in outcome.stdout
    again = json.loads(run(*words, "--json").stdout)
    assert (again["unchanged"], again["stand_in"]) == (True, True)
    refused = run("prepare-data", "shapes", "--stand-in")
    assert refused.code == 2
    assert "shapes has no stand-in" in refused.stderr
    drawn = run("visualize", "data/scanobjectnn", "--out", "a.png")
    assert drawn.code == 0


def test_encoders_are_chosen_by_name(run, tmp_path):
    words = ("prepare-data", "shapes", "--count", 16, "--points", 32, "--workers", 1)
    assert run(*words, "--image-encoder", "none").code == 0
    refused = run(*words)
    assert refused.code == 2
    assert "with image_encoder unset instead of builtin 1" in refused.stderr
    unknown = run(*words, "--text-encoder", "bert")
    assert unknown.code == 2
    assert "--text-encoder bert: there is no such encoder; choose builtin, none, clip:FOLDER" in unknown.stderr
    nowhere = run(*words, "--image-encoder", f"clip:{tmp_path}/nothing", "--force")
    assert nowhere.code == 2
    assert "no such folder" in nowhere.stderr


def test_raw_files_may_be_packed(run, tmp_path):
    assert run("prepare-data", "intra", "--stand-in", "--count", 20, "--workers", 1, "--out", tmp_path / "a").code == 0
    archive = shutil.make_archive(str(tmp_path / "IntrA"), "gztar", tmp_path / "a/stand-ins/intra")
    words = ("prepare-data", "intra", "--raw", archive, "--workers", 1, "--out", tmp_path / "b", "--json")
    outcome = json.loads(run(*words).stdout)
    assert outcome["stand_in"]  # packing a stand-in makes it no more real
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["intra"]
    assert json.loads(run(*words).stdout)["unchanged"]
    (tmp_path / "IntrA.zip").write_bytes(b"PK\x03\x04 no more")
    refused = run("prepare-data", "intra", "--raw", tmp_path / "IntrA.zip", "--out", tmp_path / "c")
    assert refused.code == 2
    assert "IntrA.zip" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_every_set_keeps_as_many_points_as_its_recipes_draw_from(run):
    def planned(*words):
        return json.loads(run("prepare-data", *words, "--stand-in", "--dry-run", "--json").stdout)["plan"]["options"]

    assert planned("shapenet55")["points"] == 8192  # of which pre-training draws others in every epoch
    assert planned("shapenet55", "--points", 300)["points"] == 300
    assert planned("scanobjectnn")["points"] == 2048
