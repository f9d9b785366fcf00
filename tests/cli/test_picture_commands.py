"""Reconstructing and visualizing by the command line, end to end: what is written, printed and refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointsra.data.files import read_cloud
from pointsra.data.store import open_split
from pointsra.ops.up_axis import from_y_up


def test_reconstruct_writes_everything_in_the_frame_of_the_input(run, tiny_run, cloud):
    words = ("reconstruct", cloud, "--weights", tiny_run, "--samples", 2, "--seed", 3)
    outcome = run(*words, "--out", "done", "--json")
    assert outcome.code == 0, outcome.stderr
    result = json.loads(outcome.stdout)
    names = ["completion_00.ply", "completion_01.ply", "visible.ply", "hidden.ply", "samples.png", "samples.html"]
    assert result["files"] == [*names, "summary.json"]
    summary = json.loads(Path("done/summary.json").read_text())
    assert set(summary["seconds"]) == {"load", "sample", "write"}
    assert summary["points_in"] == 600
    assert len(summary["chamfer_l2"]["per_sample"]) == 2
    assert summary["diversity"] > 0
    for name in ("visible", "hidden"):
        assert abs(read_cloud(f"done/{name}.ply").points.mean() - 5.0) < 1.0
    page = Path("done/samples.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page
    again = run(*words, "--out", "again", "--json")
    assert json.loads(again.stdout)["chamfer_l2"] == summary["chamfer_l2"]
    assert run(*words, "--out", "done").code == 2


def test_reconstruct_shows_a_short_table_and_where_to_look(run, tiny_run, cloud, files_here):
    outcome = run("reconstruct", cloud, "--weights", tiny_run, "--samples", 3)
    assert outcome.code == 0, outcome.stderr
    assert "Chamfer L2" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    page = outcome.stdout.split("Look at:")[1].split()[0]
    assert page in files_here()
    partial = run("reconstruct", cloud, "--weights", tiny_run, "--samples", 1, "--hide", "none", "--missing", 0.4)
    assert partial.code == 0, partial.stderr
    assert "Chamfer" not in partial.stdout
    alone = partial.stdout.split("Look at:")[1].split()[0]  # one completion differs from no other
    assert json.loads((Path(alone).parent / "summary.json").read_text())["diversity"] is None
    assert "iversity" not in partial.stdout and ">diversity" not in Path(alone).read_text()
    assert "Diversity" in outcome.stdout and ">diversity" in Path(page).read_text()
    assert run("visualize", Path(alone).parent, "--out", "seen.html").code == 0
    features = run("visualize", Path(alone).parent, "--what", "features")
    assert "It is a reconstruct folder: name one of its clouds." in " ".join(features.stderr.split())
    assert ">diversity" not in Path("seen.html").read_text()


@pytest.mark.open3d
def test_reconstruct_lays_surfaces_where_they_are_asked_for(run, tiny_run, cloud):
    outcome = run("reconstruct", cloud, "--weights", tiny_run, "--samples", 2, "--mesh", "--out", "done", "--json")
    assert outcome.code == 0, outcome.stderr
    result = json.loads(outcome.stdout)
    assert {"mesh_00.ply", "mesh_01.ply"} <= set(result["files"])
    assert read_cloud("done/mesh_01.ply").was_mesh


def test_surfaces_and_windows_are_refused_before_the_work(run, tiny_run, cloud, monkeypatch, files_here):
    before = files_here()
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    outcome = run("reconstruct", cloud, "--weights", tiny_run, "--view")
    assert outcome.code == 2 and "no screen is attached" in outcome.stderr
    monkeypatch.setattr("pointsra.data.open3d_loader.importlib.util.find_spec", lambda name: None)
    outcome = run("reconstruct", cloud, "--weights", tiny_run, "--mesh")
    assert outcome.code == 2 and outcome.stderr.count("\n") == 1 and "pip install 'pointsra[open3d]'" in outcome.stderr
    monkeypatch.setattr("pointsra.visualization.window.require_screen", lambda: None)
    outcome = run("reconstruct", cloud, "--weights", tiny_run, "--view")
    assert outcome.code == 2 and outcome.stderr.count("\n") == 1 and "pip install 'pointsra[open3d]'" in outcome.stderr
    assert files_here() == before


def test_reconstruct_dry_run_checks_input_and_weights(run, tiny_run, cloud, tmp_path, files_here):
    before = files_here()
    planned = run("reconstruct", cloud, "--weights", tiny_run, "--dry-run", "--json")
    plan = json.loads(planned.stdout)["plan"]
    assert (plan["points_in"], plan["ratio"], plan["up"], plan["temperature"]) == (600, 0.75, "y", 0.65)
    assert (plan["drawn_from_mesh"], plan["mesh"]) == (False, False)
    assert "standard input is not read" in run("reconstruct", "-", "--weights", tiny_run).stderr
    assert run("reconstruct", cloud, "--weights", tiny_run / "preset.toml", "--dry-run").code == 2
    assert files_here() == before
    (tmp_path / "bad.ply").write_text("ply\nbroken")
    assert run("reconstruct", "bad.ply", "--weights", tiny_run, "--dry-run").code == 2


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--preset", "paper"], "takes no preset"),
        (["--missing", "0.5"], "--hide none"),
        (["--image", "no.png"], "no.png"),
        (["--guidance", "2"], "--text or --image"),
        (["--ratio", "1.0"], "--ratio"),
        (["--weights", "nowhere"], "nowhere"),
        (["--mesh-points", "100"], "holds points already"),
    ],
)
def test_reconstruct_refuses_what_does_not_go_together(run, tiny_run, cloud, extra, words, files_here):
    before = files_here()
    weights = () if "--weights" in extra else ("--weights", tiny_run)
    outcome = run("reconstruct", cloud, *weights, *extra)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert words in outcome.stderr
    assert files_here() == before


def test_reconstruct_leaves_nothing_when_writing_fails(run, tiny_run, cloud, monkeypatch, files_here):
    def full(*_):
        raise OSError(28, "No space left on device", "samples.png")

    monkeypatch.setattr("pointsra.visualization.scenes.draw", full)
    before = files_here()
    outcome = run("reconstruct", cloud, "--weights", tiny_run, "--samples", 1, "--out", "done")
    assert outcome.code == 1
    assert "disk is full" in outcome.stderr
    assert files_here() == before


@pytest.mark.parametrize("what", ["cloud", "patches", "masks"])
@pytest.mark.parametrize("ending", ["png", "html"])
def test_visualize_a_file(run, cloud, tmp_path, what, ending):
    settings = ("patches.points=300", "patches.groups=12", "patches.size=20")
    small = () if what == "cloud" else ("--preset", "paper", *(word for each in settings for word in ("--set", each)))
    outcome = run("visualize", cloud, "--what", what, "--out", f"x.{ending}", *small, "--json")
    assert outcome.code == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {"what": what, "targets": [str(cloud)], "out": f"x.{ending}"}
    if ending == "png":
        with Image.open(tmp_path / "x.png") as picture:
            assert min(picture.size) > 100
            assert len(picture.getcolors(1 << 20) or ()) > 50
    else:
        assert (tmp_path / "x.html").read_text().lstrip().lower().startswith("<!doctype")


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (
            "paper",
            [
                "student and teacher see it",
                "only the teacher sees it",
                "hidden from both",
                "student sees 3 and the teacher 9 of 12",
            ],
        ),
        ("point-mae", ["visible", "hidden", "shows 5 of 12 patches"]),
    ],
)
def test_masks_say_who_sees_what(run, cloud, tmp_path, preset, words):
    small = ("--set", "patches.points=300", "--set", "patches.groups=12", "--set", "patches.size=20")
    outcome = run("visualize", cloud, "--what", "masks", "--preset", preset, "--out", "x.html", *small)
    assert outcome.code == 0, outcome.stderr
    page = (tmp_path / "x.html").read_text()
    assert all(word in page for word in words)


def test_visualize_features_of_a_file(run, tiny_run, cloud, tmp_path):
    outcome = run("visualize", cloud, "--what", "features", "--weights", tiny_run, "--out", "one.png", "--json")
    assert outcome.code == 0, outcome.stderr
    facts = {"what": "features", "targets": [str(cloud)], "out": "one.png", "weights": str(tiny_run), "clouds": 1}
    assert json.loads(outcome.stdout) == facts
    with Image.open(tmp_path / "one.png") as picture:
        assert len(picture.getcolors(1 << 20) or ()) > 50


def test_visualize_attention_of_a_classifier_to_several_targets(run, finetuned, shapes_root, cloud, tmp_path):
    words = ("visualize", "shapes", cloud, "--data", shapes_root, "--what", "attention", "--weights", finetuned)
    outcome = run(*words, "--out", "all.html", "--json")
    assert outcome.code == 0, outcome.stderr
    with open_split(shapes_root / "shapes" / "test.h5") as split:
        assert json.loads(outcome.stdout)["clouds"] == len(split) + 1
        named = split.class_names[split.labels[0]]
    page = (tmp_path / "all.html").read_text()
    assert len(page.encode()) < 2_000_000
    for word in ("box.xyz", named, "Attention of the cls token", "attention to a patch"):
        assert word in page


def test_attention_of_a_patch_in_a_block(run, tiny_run, cloud, tmp_path):
    words = ("visualize", cloud, "--what", "attention", "--weights", tiny_run, "--query", 5, "--block", 1)
    outcome = run(*words, "--out", "x.html", "--json")
    assert outcome.code == 0, outcome.stderr
    assert {"query": "patch 5", "block": 1}.items() <= json.loads(outcome.stdout).items()
    assert "patch 5, which reads" in (tmp_path / "x.html").read_text()


def test_packaged_weights_are_looked_at_where_none_are_named(run, cloud, tmp_path):
    np.savetxt(tmp_path / "dense.xyz", np.random.default_rng(0).normal(size=(600, 3)))
    outcome = run("visualize", cloud, "dense.xyz", "--what", "features", "--out", "x.png", "-q")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "x.png\n", "")


def test_visualize_the_embedding_of_a_data_set(run, tiny_run, shapes_root, tmp_path, monkeypatch):
    words = ("visualize", "shapes", "--data", shapes_root, "--what", "embedding", "--weights", tiny_run)
    outcome = run(*words, "--out", "x.html", "--json")
    assert outcome.code == 0, outcome.stderr
    result = json.loads(outcome.stdout)
    assert result["map"] == "pca" and result["clouds"] == result["clouds_in_split"]
    page = (tmp_path / "x.html").read_text()
    with open_split(shapes_root / "shapes" / "test.h5") as split:
        assert result["clouds"] == len(split)
        assert all(split.class_names[label] in page for label in split.labels)
    assert "of the variance" in page and len(page.encode()) < 2_000_000
    monkeypatch.setattr("pointsra_cli.encoder_scenes.MOST_MAPPED", 5)
    outcome = run(*words, "--out", "x.png", "--seed", 1)
    assert outcome.code == 0, outcome.stderr
    assert f"takes 5 of {result['clouds']} clouds" in outcome.stderr
    first = (tmp_path / "x.png").read_bytes()
    assert run(*words, "--out", "x.png", "--seed", 1, "--force").code == 0
    assert (tmp_path / "x.png").read_bytes() == first


@pytest.mark.parametrize("what", ["cloud", "patches", "features"])
def test_a_file_with_z_up_is_turned_where_it_is_said(run, tiny_run, cloud, tmp_path, what):
    points = read_cloud(cloud).points
    np.savetxt("lying.xyz", from_y_up(points, "z"), fmt="%.17g")
    Path("standing").mkdir()
    np.savetxt("standing/lying.xyz", points, fmt="%.17g")
    weights = ("--weights", tiny_run) if what == "features" else ()
    sources = {"standing": ["standing/lying.xyz"], "turned": ["lying.xyz", "--up", "z"], "lying": ["lying.xyz"]}
    for name, source in sources.items():
        assert run("visualize", *source, "--what", what, *weights, "--out", f"{name}.png").code == 0
    shown = {name: np.asarray(Image.open(f"{name}.png")) for name in ("standing", "turned", "lying")}
    assert np.array_equal(shown["turned"], shown["standing"])
    assert shown["lying"].shape != shown["standing"].shape or not np.array_equal(shown["lying"], shown["standing"])


def test_visualize_encoders_dry_run(run, tiny_run, cloud, files_here):
    before = files_here()
    words = ("visualize", cloud, "--what", "attention", "--weights", tiny_run, "--dry-run", "--json")
    plan = json.loads(run(*words).stdout)["plan"]
    assert (plan["query"], plan["block"], plan["clouds"]) == ("cls", 2, 1)
    assert files_here() == before


def test_visualize_guesses_from_its_target(run, shapes_root, tiny_run, finetuned, cloud):
    run("reconstruct", cloud, "--weights", tiny_run, "--samples", 2, "--out", "done", "-q")
    targets = {
        "cloud": (shapes_root / "shapes",),
        "curves": (tiny_run, finetuned),
        "completions": ("done",),
    }
    for number, (what, target) in enumerate(targets.items()):
        outcome = run("visualize", *target, "--out", f"{number}.html", "--json")
        assert outcome.code == 0, outcome.stderr
        assert json.loads(outcome.stdout)["what"] == what
    by_name = run("visualize", "shapes", "--data", shapes_root, "-q")
    assert by_name.code == 0
    assert by_name.stdout.startswith("runs/visualize-shapes")


def test_a_name_that_is_no_text_costs_no_result(run, tiny_run, cloud, tmp_path):
    odd = tmp_path / os.fsdecode(b"st\xfchl.xyz")
    cloud.rename(odd)
    outcome = run("reconstruct", odd, "--weights", tiny_run, "--samples", 1, "--out", "done", "--json")
    assert outcome.code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["input"].endswith("st?hl.xyz")
    assert "st?hl.xyz" in (tmp_path / "done" / "samples.html").read_text(encoding="utf-8")
    assert run("visualize", odd, "--out", "x.html").code == 0 and run("visualize", odd, "--out", "x.png").code == 0


def test_visualize_never_replaces_a_file_silently(run, cloud, tmp_path):
    (tmp_path / "x.png").write_text("precious")
    outcome = run("visualize", cloud, "--out", "x.png")
    assert outcome.code == 2
    assert "--force" in outcome.stderr
    assert (tmp_path / "x.png").read_text() == "precious"
    assert run("visualize", cloud, "--out", "x.png", "--force").code == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nix"], "no such file"),
        (["CLOUD", "--out", "x.gif"], ".png or .html"),
        (["CLOUD", "CLOUD"], "Curves, features and attention take several"),
        (["RUN", "--up", "z"], "--up turns files"),
        (["CLOUD", "--up", "w"], "-x, -y, -z"),
        (["RUN", "--what", "cloud"], "no prepared data set"),
        (["RUN", "--what", "completions"], "reconstruct wrote"),
        (["CLOUD", "--what", "curves"], "metrics"),
        (["CLOUD", "--what", "patches", "--set", "patches.groups=900"], "too few"),
        (["CLOUD", "--what", "masks", "--preset", "shapes-classification"], "pretrain"),
        (["CLOUD", "--view"], "screen"),
        (["."], "no run"),
        (["CLOUD", "--query", "cls"], "--what attention"),
        (["CLOUD", "--set", "patches.groups=7"], "--what patches"),
        (["RUN", "--preset", "small"], "--what masks"),
        (["CLOUD", "--what", "features", "--map", "pca"], "--what embedding"),
        (["CLOUD", "--what", "features", "--preset", "paper"], "takes no preset"),
        (["CLOUD", "--what", "features", "--weights", "nowhere"], "nowhere"),
        (["RUN", "--what", "features"], "--weights"),
        (["CLOUD", "--what", "attention", "--weights", "RUN", "--query", "nose"], "0 … 15"),
        (["CLOUD", "--what", "attention", "--weights", "RUN", "--block", "9"], "1 … 2"),
        (["CLOUD", "--what", "embedding"], "one cloud"),
        (["CLOUD", "CLOUD", "--what", "embedding"], "one data set"),
        (["CLOUD"] * 25 + ["--what", "features"], "25 targets"),
        (["CLOUD", "--what", "embedding", "--view"], "--view"),
        (["CLOUD", "--what", "embedding", "--map", "umap"], "pca, tsne"),
        (["CLOUD", "--what", "features", "--device", "cuda:99"], "cuda"),
    ],
)
def test_visualize_refuses_with_a_sentence(run, arguments, words, cloud, tiny_run, files_here):
    before = files_here()
    outcome = run("visualize", *({"CLOUD": cloud, "RUN": tiny_run}.get(word, word) for word in arguments))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert words in " ".join(outcome.stderr.split())
    assert files_here() == before


def test_visualize_dry_run_draws_nothing(run, cloud, files_here):
    before = files_here()
    outcome = run("visualize", cloud, "--what", "masks", "--set", "patches.groups=12", "--dry-run")
    assert outcome.code == 0, outcome.stderr
    assert "groups = 12" in outcome.stdout and "#   what" in outcome.stdout
    assert files_here() == before
