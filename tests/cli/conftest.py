"""What the tests of the command line share: one way to run a command, a small classifier, a small cloud."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import pointsra_cli

# A handful of steps: enough to write every file of a run.
TINY_FINETUNE = (
    "optimizer.epochs=1",
    "optimizer.batch_size=20",
    "runtime.log_every=1",
    "patches.points=256",
    "patches.groups=16",
    "patches.size=16",
)
TINY_ENCODER = ("encoder.dim=32", "encoder.depth=1", "encoder.patch_widths=[8, 16, 32]")


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    stdout: str
    stderr: str


def run_command(*arguments: object) -> Outcome:
    """Run one command line in this process, errors handled as by the console script."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = pointsra_cli.run([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), err.getvalue())


def settings(*fields: str) -> list[str]:
    """``--set`` for each of ``fields``."""
    return [word for field in fields for word in ("--set", field)]


@pytest.fixture
def tiny_finetune() -> list[str]:
    """``--set`` options that make a fine-tuning run from scratch take a second or two."""
    return settings(*TINY_FINETUNE, *TINY_ENCODER)


@pytest.fixture
def tiny() -> list[str]:
    """``--set`` options that make a pre-training run of ``quickstart`` take a few seconds."""
    return settings(*TINY_FINETUNE, *TINY_ENCODER, "decoder.depth=1", "flow.dim=32", "flow.depth=2")


@pytest.fixture
def run():
    """The function that runs a command line."""
    return run_command


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Each test has a folder of its own to be in, 80 columns, and no data root of the machine's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("POINTSRA_DATA", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture(scope="session")
def finetuned(shapes_root, tiny_run, tmp_path_factory) -> Path:
    """The folder of a tiny fine-tuning run."""
    folder = tmp_path_factory.mktemp("finetuned") / "run"
    outcome = run_command(
        *("finetune", "--preset", "shapes-classification", "--init", tiny_run, *settings(*TINY_FINETUNE)),
        *("--data", shapes_root, "--out", folder, "-q"),
    )
    assert outcome == Outcome(0, f"{folder}\n", "")
    return folder


@pytest.fixture
def cloud(tmp_path) -> Path:
    """A cloud on the surface of a box, as text."""
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (600, 3))
    axis = np.random.default_rng(1).integers(0, 3, 600)
    points[np.arange(600), axis] = np.sign(points[np.arange(600), axis])
    path = tmp_path / "box.xyz"
    np.savetxt(path, points * [1.0, 0.4, 0.7] + 5.0)
    return path


@pytest.fixture
def files_here(tmp_path):
    """A function that lists every file and folder of the test's folder."""
    return lambda: sorted(os.path.relpath(path, tmp_path) for path in tmp_path.rglob("*"))
