"""Presets: all that ship are valid, survive printing, and every mistake is named with its dotted key."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pointsra.errors import SettingsError
from pointsra.settings import FinetunePreset, list_presets, load_preset, to_toml, validate
from pointsra.settings.peers import PRETRAIN_PRESETS

NAMES = [info.name for info in list_presets()]
FOLDER = Path(__file__).parents[2] / "presets"


def message(*arguments, **keywords):
    with pytest.raises(SettingsError) as caught:
        load_preset(*arguments, **keywords)
    text = str(caught.value)
    assert "\n" not in text and text.endswith((".", "all of them."))
    return text


def test_every_file_is_listed_pretraining_first():
    assert sorted(NAMES) == sorted(path.stem for path in FOLDER.glob("*.toml"))
    tasks = [info.task for info in list_presets()]
    assert tasks == sorted(tasks, reverse=True)
    assert {"paper", "quickstart"} <= set(NAMES)
    assert all(info.description.endswith(".") for info in list_presets())


@pytest.mark.parametrize("name", NAMES)
def test_shipped_presets_are_valid_and_complete(name):
    preset = load_preset(name)
    assert type(preset) is (PRETRAIN_PRESETS[preset.method] if preset.task == "pretrain" else FinetunePreset)
    # Complete: nothing is left to a default that a later version could move.
    assert tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")) == preset.model_dump(mode="json")


@pytest.mark.parametrize("name", NAMES)
def test_shipped_presets_survive_printing(name, tmp_path):
    preset = load_preset(name)
    written = tmp_path / "resolved.toml"
    written.write_text(to_toml(preset), "utf-8")
    assert load_preset(written) == preset
    assert load_preset(str(written)) == preset
    assert to_toml(load_preset(written)) == to_toml(preset)


def test_paper_keeps_the_paper_s_numbers():
    paper = load_preset("paper")
    assert (paper.masks.student, paper.masks.teacher) == (0.75, 0.3)
    assert paper.losses.model_dump() == {
        "reconstruction": 1.0,
        "mean_flow": 0.5,
        "cross_modal": 1.0,
        "mae_sra": 0.2,
        "mft_sra": 0.2,
        "energy": 0.0,  # ours, as the four that follow
        "points": 0.0,
        "points_energy": 0.0,
        "reading": 0.0,
        "reading_energy": 0.0,
    }
    assert (paper.encoder.dim, paper.encoder.depth, paper.encoder.heads) == (384, 12, 6)
    assert (paper.flow.adaptive_power, paper.flow.tangent) == (1.0, "conditional")


@settings(max_examples=25, deadline=None)
@given(lr=st.floats(1e-9, 1.0), student=st.floats(0.5, 0.9), seed=st.integers(0, 2**62))
def test_numbers_survive_override_and_printing_to_the_bit(lr, student, seed):
    preset = load_preset("quickstart", [f"optimizer.lr={lr!r}", f"masks.student={student!r}"], seed=seed)
    assert (preset.optimizer.lr, preset.masks.student, preset.seed) == (lr, student, seed)
    assert validate(tomllib.loads(to_toml(preset)), "printed") == preset


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("data.dataset=modelnet40", lambda p: p.data.dataset == "modelnet40"),
        ('data.dataset="modelnet40"', lambda p: p.data.dataset == "modelnet40"),
        ("data.dataset=a=b", lambda p: p.data.dataset == "a=b"),
        ("data.dataset= spaced ", lambda p: p.data.dataset == "spaced"),
        ("data.validation_split=", lambda p: p.data.validation_split == ""),
        (" patches.points =2048", lambda p: p.patches.points == 2048),
        ("optimizer.lr=3e-4", lambda p: p.optimizer.lr == 3e-4),
        ("optimizer.warmup_epochs=2", lambda p: p.optimizer.warmup_epochs == 2.0),
        ("alignment.predictor=false", lambda p: p.alignment.predictor is False),
        ("flow.times.mean=-1.5", lambda p: p.flow.times.mean == -1.5),
        ("encoder.patch_widths=[8, 16, 32]", lambda p: p.encoder.patch_widths == (8, 16, 32)),
        ("seed=7", lambda p: p.seed == 7),
    ],
)
def test_overrides_are_read_as_toml_or_as_plain_strings(override, read):
    assert read(load_preset("quickstart", [override]))


def test_the_last_override_wins_and_seed_wins_over_all():
    preset = load_preset("quickstart", ["optimizer.lr=0.1", "optimizer.lr=0.2", "seed=4"], seed=9)
    assert (preset.optimizer.lr, preset.seed) == (0.2, 9)
    assert load_preset("quickstart").optimizer.lr != 0.2  # nothing is remembered


@pytest.mark.parametrize("override", ["patches.points", "=3", "", "  =3"])
def test_malformed_overrides(override):
    assert "section.field=value" in message("quickstart", [override])


def test_a_value_used_as_a_section_and_a_section_as_a_value():
    assert "seed is a value, not a section" in message("quickstart", ["seed.low=1"])
    assert "patches.points" in message("quickstart", ["patches.points.x=1"])
    assert "patches = 3" in message("quickstart", ["patches=3"])


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("optimizer.lrr=1", "optimizer.lrr is not a field (did you mean optimizer.lr?)"),
        ("flow.times.meen=1", "flow.times.meen is not a field (did you mean flow.times.mean?)"),
        ("optimiser.lr=1", "optimiser is not a field (did you mean optimizer?)"),
        ("sed=1", "sed is not a field (did you mean seed?)"),
    ],
)
def test_unknown_fields_name_the_nearest(override, hint):
    assert hint in message("quickstart", [override])


def test_unknown_field_near_nothing_gets_no_hint():
    text = message("quickstart", ["qqqq=1"])
    assert "qqqq is not a field" in text and "did you mean" not in text


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("masks.student=1.5", "masks.student", "1.5"),
        ("patches.points=0", "patches.points", "0"),
        ("optimizer.lr=-1.0", "optimizer.lr", "-1.0"),
        ("optimizer.lr=nan", "optimizer.lr", "nan"),
        ("optimizer.lr=inf", "optimizer.lr", "inf"),
        ("flow.order=hilbert", "flow.order", "hilbert"),
        ("flow.times.deviation=0", "flow.times.deviation", "0"),
        ("patches.points=many", "patches.points", "many"),
        ("patches.points=10.5", "patches.points", "10.5"),
        ("alignment.predictor=perhaps", "alignment.predictor", "perhaps"),
        ("encoder.patch_widths=[8, 0, 8]", "encoder.patch_widths.1", "0"),
        ("seed=-1", "seed", "-1"),
    ],
)
def test_values_out_of_range_name_key_and_value(override, key, value):
    text = message("quickstart", [override])
    assert f"quickstart: {key} = " in text
    assert value in text.split(" = ", 1)[1]


def test_several_mistakes_are_named_at_once():
    text = message("quickstart", ["optimizer.lr=-1", "sed=3"])
    assert "optimizer.lr" in text and "sed" in text


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["masks.teacher=0.8"], "teacher sees more"),
        (["masks.block_share=0.6", "masks.view_share=0.6"], "together exceed 1"),
        (["masks.crop_low=0.8", "masks.crop_high=0.2"], "crop_low … crop_high must"),
        (["masks.scan_share=0.7", "masks.view_share=0.6"], "together exceed 1"),
        (["masks.level_share=0.7", "masks.block_share=0.6"], "together exceed 1"),
        (["masks.scan_low=0.9", "masks.scan_high=0.2"], "scan_low … scan_high must"),
        (["masks.scan_density=2"], "masks.scan_density needs masks.sealed"),
        (["masks.cell_density=2"], "masks.cell_density needs masks.hidden = cells"),
        (["masks.crop_low=0.0", "masks.crop_high=0.0"], "crop_low … crop_high must"),
        (["patches.groups=2000"], "must not exceed points (1024)"),
        (["encoder.heads=7"], "not divisible"),
        (["decoder.heads=7"], "decoder.heads 7"),
        (["flow.heads=7"], "not divisible"),
        (["augment.scale_low=2.0"], "scale_low exceeds"),
        (["flow.objective=off"], "losses.mean_flow"),
        (["flow.objective=ddpm"], "losses.mft_sra"),
        (["flow.objective=regression"], "losses.mft_sra"),
        (["flow.objective=regression", "losses.mft_sra=0", "flow.order=none"], "same answer"),
        (["patches.groups=1"], "no visible or no masked"),
        (["flow.order=cells"], "masks.hidden"),
        (["flow.noise=tree", "flow.order=none"], "flow.order"),
        (["losses.reading=1"], "give both or neither"),
        (["losses.reading=1", "losses.reading_energy=1", "flow.objective=ddpm", "losses.mft_sra=0"], "energy is"),
        (["losses.energy=1", "flow.objective=rectified_flow", "losses.mft_sra=0"], "losses.energy"),
        (["losses.energy=1", "losses.mean_flow=0", "losses.mft_sra=0"], "losses.energy"),
        (["losses.energy=1", "flow.order=none"], "slot with slot"),
        (["losses.points_energy=1", "flow.objective=rectified_flow", "losses.mft_sra=0"], "losses.points_energy"),
        (["losses.points=1", "decoder.learns=false"], "decoder.learns"),
        (["losses.points=1", "decoder.drop_path=0.1"], "decoder.drop_path = 0"),
        (
            ["losses.points_energy=1", "losses.mean_flow=0", "losses.mft_sra=0", "decoder.learns=false"],
            "losses.points_energy without",
        ),
        (["losses.energy=1", "flow.samples=1"], "flow.samples"),
        (
            [f"losses.{name}=0" for name in ("reconstruction", "mean_flow", "cross_modal", "mae_sra", "mft_sra")],
            "nothing",
        ),
    ],
)
def test_contradictions_are_refused(overrides, words):
    assert words in message("quickstart", overrides)


def test_switching_the_flow_off_consistently_is_allowed():
    load_preset("quickstart", ["flow.objective=off", "losses.mean_flow=0", "losses.mft_sra=0"])
    load_preset("quickstart", ["flow.objective=ddpm", "losses.mft_sra=0"])
    load_preset("quickstart", ["flow.objective=regression", "losses.mft_sra=0"])


def test_unknown_names_name_the_nearest():
    assert "did you mean quickstart" in message("quikstart")
    assert "scanobjectnn-obj-bg" in message("scanobjectnn-objbg")
    text = message("zzzz")
    assert "did you mean" not in text and "pointsra presets list" in text


def test_wrong_task_names_those_that_fit():
    text = message("paper", task="finetune")
    assert "pretrain" in text and "shapes-classification" in text and "quickstart" not in text
    assert load_preset("paper", task="pretrain").task == "pretrain"


def test_preset_files(tmp_path):
    assert "no preset file" in message(tmp_path / "nothing.toml")
    assert "no preset file" in message("quickstart.toml")  # a file name, not a shipped name
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = = 3")
    assert "not valid TOML" in message(broken)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00seed")
    assert "cannot be read" in message(binary)
    (tmp_path / "folder.toml").mkdir()
    assert "cannot be read" in message(tmp_path / "folder.toml")


@pytest.mark.parametrize("line", ["", 'task = "train"', "task = 3", 'task = ["pretrain"]', "[task]\na = 1"])
def test_files_without_a_known_task(tmp_path, line):
    path = tmp_path / "mine.toml"
    path.write_text(line)
    assert "is not known" in message(path)


def test_the_method_decides_which_fields_there_are(tmp_path):
    assert load_preset("paper").method == "point-sra" and load_preset("point-mae").method == "point-mae"
    text = message("point-mae", ["losses.mae_sra=0.2", "masks.teacher=0.3", "flow.dim=3"])
    for name in ("losses", "masks.teacher", "flow"):
        assert f"{name} is not a field of point-mae" in text
    assert "losses.image is not a field of pcp-mae" in message("pcp-mae", ["losses.image=1"])
    assert "decoder.dept is not a field of recon (did you mean decoder.depth?)" in message("recon", ["decoder.dept=1"])
    assert "method = 'recn' is not known (did you mean recon?); it is one of point-sra, " in message(
        "recon", ["method=recn"]
    )
    assert "method = 3 is not known; it is one of" in message("recon", ["method=3"])
    assert "method is not a field" in message("shapes-classification", ["method=recon"])
    path = tmp_path / "mine.toml"
    path.write_text('task = "pretrain"\nmethod = "recon"\ndescription = "mine"\n[data]\ndataset = "x"\n')
    assert load_preset(path).losses.model_dump() == {"reconstruction": 1.0, "image": 1.0, "text": 1.0}
    path.write_text('task = "pretrain"\ndescription = "mine"\n[data]\ndataset = "x"\n')  # written before others came
    assert load_preset(path).method == "point-sra"


@pytest.mark.parametrize(
    ("preset", "overrides", "words"),
    [
        ("point-mae", ["masks.student=0.01"], "no visible or no masked"),
        ("point-mae", ["decoder.heads=7"], "not divisible by decoder.heads 7"),
        ("recon", [f"losses.{name}=0" for name in ("reconstruction", "image", "text")], "nothing to learn"),
        ("pcp-mae", ["losses.reconstruction=0", "losses.centers=0"], "nothing to learn"),
        ("pcp-mae", ["encoder.dim=32", "encoder.heads=4", "decoder.heads=4"], "encoder.dim 32 is not divisible by 6"),
    ],
)
def test_contradictions_of_peers_are_refused(preset, overrides, words):
    assert words in message(preset, overrides)


def test_a_preset_from_before_drops_nothing_in_the_decoder(tmp_path):
    path, text = tmp_path / "old.toml", to_toml(load_preset("paper"))
    path.write_text(text.replace("learns = true\ndrop_path = 0.1\n", "learns = true\n"))
    assert load_preset("paper").decoder.drop_path == 0.1 and load_preset(path).decoder.drop_path == 0.0


def test_missing_fields_are_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('task = "pretrain"\ndescription = "mine"\n')
    assert "data is missing" in message(path)
    path.write_text('task = "pretrain"\ndescription = "mine"\n[data]\n')
    assert "data.dataset is missing" in message(path)


def test_a_minimal_file_takes_the_defaults_and_prints_complete(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('task = "finetune"\ndescription = "mine"\n[data]\ndataset = "x"\n')
    preset = load_preset(path, ["head.hidden=12"])
    assert preset.head.hidden == 12 and preset.protocol == "full"
    assert "[optimizer]" in to_toml(preset)


def test_presets_are_frozen_all_the_way_down():
    preset = load_preset("quickstart")
    for target, name in ((preset, "seed"), (preset.patches, "points"), (preset.flow.times, "mean")):
        with pytest.raises(ValidationError):
            setattr(target, name, 3)
    assert isinstance(preset.encoder.patch_widths, tuple)


def test_every_field_says_what_it_is():
    def fields(model, prefix=""):
        for name, field in model.model_fields.items():
            if hasattr(field.annotation, "model_fields"):
                yield from fields(field.annotation, f"{prefix}{name}.")
            elif name != "task":
                yield prefix + name, field.description

    for model in (*PRETRAIN_PRESETS.values(), FinetunePreset):
        assert [key for key, description in fields(model) if not description] == []
