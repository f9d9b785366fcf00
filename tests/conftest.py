"""What several rooms' tests share: small prepared data and one small pre-trained run, made once a session."""

from __future__ import annotations

import importlib.util
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from pointsra.data.open3d_loader import load_open3d
from pointsra.data.places import split_path
from pointsra.data.prepare import PrepareRequest, prepare
from pointsra.data.shapes import CLASS_NAMES
from pointsra.data.store import open_split
from pointsra.settings import load_preset
from pointsra.training.pretrain import pretrain


@pytest.fixture(autouse=True)
def open3d_where_it_is_asked_for(request):
    """Tests marked ``open3d`` have it loaded as users do, with the library it needs; without it they are skipped."""
    if request.node.get_closest_marker("open3d"):
        if importlib.util.find_spec("open3d") is None:
            pytest.skip("open3d is not installed")
        load_open3d()


TINY = (
    "patches.points=256",
    "patches.groups=16",
    "patches.size=16",
    "encoder.dim=24",
    "encoder.depth=2",
    "encoder.heads=2",
    "encoder.patch_widths=[8, 16, 24]",
    "decoder.depth=1",
    "decoder.heads=2",
    "flow.dim=24",
    "flow.depth=2",
    "flow.heads=2",
    "optimizer.epochs=2",
    "optimizer.batch_size=8",
    "runtime.log_every=2",
    "runtime.save_every=3",
)
"""Overrides that turn ``quickstart`` into something that trains in seconds."""

TINY_FINETUNE = (
    "patches.points=256",
    "patches.groups=16",
    "patches.size=16",
    "optimizer.epochs=2",
    "optimizer.batch_size=8",
    "runtime.log_every=2",
    "runtime.save_every=3",
)
"""Overrides that do the same for ``shapes-classification``."""


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def little_space():
    """A context in which the system refuses whatever would make a file longer than a few kilobytes."""

    @contextmanager
    def limited():
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, former[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)

    return limited


@pytest.fixture(scope="session")
def shapes_root(tmp_path_factory) -> Path:
    """A data root with a small ``shapes``: 64 train, 16 val and 16 test clouds at most."""
    root = tmp_path_factory.mktemp("data")
    prepare(PrepareRequest(dataset="shapes", root=root, count=80, workers=1, points=512))
    return root


@pytest.fixture(scope="session")
def furniture_root(tmp_path_factory) -> Path:
    """A data root with a small ``shapes`` of the variant furniture, 12 clouds in its split of alternatives."""
    root = tmp_path_factory.mktemp("furniture")
    prepare(PrepareRequest(dataset="shapes", root=root, variant="furniture", count=48, workers=1, points=512))
    return root


@pytest.fixture
def alternatives(furniture_root):
    """The split of those."""
    with open_split(split_path(furniture_root, "shapes", "alternatives")) as split:
        yield split


@pytest.fixture(scope="session")
def full_shapes_root(tmp_path_factory) -> Path:
    """A data root with five ``shapes`` of each class, four of them for training: enough to tell classes apart."""
    root = tmp_path_factory.mktemp("full")
    prepare(PrepareRequest(dataset="shapes", root=root, count=5 * len(CLASS_NAMES), workers=1, points=512))
    return root


@pytest.fixture(scope="session")
def tiny_preset():
    """A pre-training preset that trains in seconds."""
    return load_preset("quickstart", TINY)


@pytest.fixture(scope="session")
def tiny_run(shapes_root, tiny_preset, tmp_path_factory) -> Path:
    """The folder of a finished tiny pre-training run."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    pretrain(tiny_preset, shapes_root, run, device=torch.device("cpu"))
    return run
