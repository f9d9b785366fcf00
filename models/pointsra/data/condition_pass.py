"""Views and condition features of whole splits: computed once, after the clouds are written, for every data set alike.

Pictures are drawn from the points, four from around, or are the recipe's own where it brought some. Parts of this
work are kept like those of ``assembling``, so that a run that was killed goes on; they are written into the split
at the end, and a split that was being written into when the process was killed is made again from its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import PART_TASKS, PARTS_FOLDER, broken_mark, read_plan
from pointsra.data.blocks import cut, run_blocks
from pointsra.data.conditions import encode_views
from pointsra.data.encoders import FeatureArrays, ImageEncoder, TextEncoder, find_image_encoder, find_text_encoder
from pointsra.data.replacing import replacing
from pointsra.data.split_writer import Encoder, extend_split
from pointsra.data.views import VIEW_SIZE, render_pictures, render_views, resized
from pointsra.progress import Progress, Report


@dataclass(frozen=True)
class Encoders:
    """The encoders of a request; None stands for no features of that kind.

    Attributes:
        image: of pictures.
        text: of captions.
        notes: sentences for the user.
    """

    image: ImageEncoder | FeatureArrays | None
    text: TextEncoder | FeatureArrays | None
    notes: tuple[str, ...] = ()

    @property
    def image_identity(self) -> Encoder | None:
        """What is stored with the image features."""
        return None if self.image is None else self.image.identity

    @property
    def text_identity(self) -> Encoder | None:
        """What is stored with the text features."""
        return None if self.text is None else self.text.identity


def find_encoders(image: str, text: str, *, fetch: bool) -> Encoders:
    """The encoders that two names stand for; see ``encoders.find_image_encoder``."""
    found = Encoders(find_image_encoder(image, fetch=fetch), find_text_encoder(text, fetch=fetch))
    unknown = [each.name for each in (found.image_identity, found.text_identity) if each and not each.sha256]
    notes = [f"the weights of {name} are not on this machine yet and would be fetched." for name in unknown]
    return Encoders(found.image, found.text, tuple(dict.fromkeys(notes)))


@dataclass(frozen=True)
class Pictures:
    """What a worker draws for B clouds.

    Attributes:
        views: (B, W, 48, 48) to be stored, None where the split has pictures of its own.
        shown: (B, W, H, H) for the encoder, None where it was asked already or looks at ``views``.
        features: (B, D) where the encoder is quick enough to be asked in the worker, else None.
    """

    views: NDArray[np.uint8] | None
    shown: NDArray[np.uint8] | None
    features: NDArray[np.float32] | None


def add_conditions(folder: Path, splits: Sequence[str], encoders: Encoders, workers: int, report: Report) -> None:
    """Add views and features to every split that wants them.

    Args:
        folder: the work folder of the data set.
        splits: their names.
        encoders: what makes the features.
        workers: processes that draw.
        report: told after each part.

    Raises:
        DataError: an encoder's weights, or the user's own features, do not fit.
        OutputError: the disk is full.
    """
    wanted = [_look_at(folder, split) for split in splits if _wants(folder, split)]
    whole = [_whole_arrays(each, encoders) for each in wanted]  # all of them first: a wrong file is told at once
    drawn = None if isinstance(encoders.image, FeatureArrays) else encoders.image
    parts = [_picture_parts(folder, each) if drawn is not None else {} for each in wanted]
    missing = [task for each in parts for path, tasks in each.items() if not path.is_file() for task in tasks]
    size, quick = (0, False) if drawn is None else (drawn.picture_size, drawn.identity.name == "builtin")
    identities = {"image_feature": encoders.image_identity, "text_feature": encoders.text_identity}
    with closing(run_blocks(partial(draw, size=size, quick=quick), missing, workers)) as results:
        for each, arrays, files in zip(wanted, whole, parts, strict=True):
            done = 0
            for path, tasks in files.items():
                if drawn is not None and not path.is_file():
                    _write_part(path, [_encoded(drawn, next(results)) for _ in tasks])
                done += sum(len(task.rows) for task in tasks)
                report(Progress(f"views and features of {each.split}", done, each.count, "clouds"))
            mark = broken_mark(folder, each.split)
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            extend_split(each.path, chain(map(_read_part, files), [arrays]), identities)
            mark.unlink()


def _wants(folder: Path, split: str) -> bool:
    noted = read_plan(folder, split)
    if noted.get("kind") == "scenes" or not noted.get("conditions", True):
        return False
    with h5py.File(folder / f"{split}.h5") as file:
        return not {"image_feature", "text_feature"} & file.keys()


@dataclass(frozen=True)
class _Waiting:
    """A split that waits for its features."""

    path: Path
    split: str
    count: int
    own_views: bool
    captions: tuple[str, ...] | None


def _look_at(folder: Path, split: str) -> _Waiting:
    path = folder / f"{split}.h5"
    with h5py.File(path) as file:
        captions = tuple(file["caption"].asstr()[:]) if "caption" in file else None
        return _Waiting(path, split, len(file["points"]), "views" in file, captions)


def _whole_arrays(waiting: _Waiting, encoders: Encoders) -> dict[str, np.ndarray]:
    """The features that need no pictures: the user's own, and those of the captions."""
    found: dict[str, np.ndarray] = {}
    if isinstance(encoders.image, FeatureArrays):
        found["image_feature"] = encoders.image.features_of(waiting.split, waiting.count)
    if isinstance(encoders.text, FeatureArrays):
        found["text_feature"] = encoders.text.features_of(waiting.split, waiting.count)
    elif encoders.text is not None and waiting.captions is not None:
        found["text_feature"] = _caption_features(encoders.text, waiting.captions)
    return found


def _caption_features(encoder: TextEncoder, captions: Sequence[str]) -> NDArray[np.float32]:
    """Each caption is encoded once, however many clouds have it."""
    known = list(dict.fromkeys(captions))
    place = {caption: row for row, caption in enumerate(known)}
    return encoder.encode(known)[[place[caption] for caption in captions]]


@dataclass(frozen=True)
class Drawing:
    """A task for a worker: rows in a row of a split, and whether it has pictures of its own, which are taken then."""

    path: Path
    rows: Sequence[int]
    own_views: bool


def _picture_parts(folder: Path, waiting: _Waiting) -> dict[Path, list[Drawing]]:
    """The files in which the pictures and features of a split are kept, and what is to be drawn for each."""
    tasks = [Drawing(waiting.path, rows, waiting.own_views) for rows in cut(range(waiting.count))]
    return {
        _part_path(folder, waiting.split, number): list(group) for number, group in enumerate(cut(tasks, PART_TASKS))
    }


def draw(task: Drawing, *, size: int, quick: bool) -> Pictures:
    """Draw the pictures of B clouds.

    Args:
        task: which.
        size: H, the pixels along a side that the encoder looks at.
        quick: ask the built-in encoder here.
    """
    rows = slice(task.rows[0], task.rows[-1] + 1)
    with h5py.File(task.path) as file:
        if task.own_views:
            views, shown = None, resized(file["views"][rows], size)
        else:
            points = file["points"][rows]
            views = np.stack([render_views(cloud) for cloud in points])
            shown = views if size == VIEW_SIZE else np.stack([render_pictures(cloud, size) for cloud in points])
    if quick:
        return Pictures(views, None, encode_views(shown))
    return Pictures(views, shown, None)


def _encoded(encoder: ImageEncoder, pictures: Pictures) -> dict[str, np.ndarray]:
    features = pictures.features
    if features is None:
        assert pictures.shown is not None
        features = encoder.encode(pictures.shown)
    found: dict[str, np.ndarray] = {"image_feature": features}
    if pictures.views is not None:
        found["views"] = pictures.views
    return found


def _part_path(folder: Path, split: str, number: int) -> Path:
    return folder / PARTS_FOLDER / split / f"conditions-{number:06d}.npz"


def _write_part(path: Path, results: list[dict[str, np.ndarray]]) -> None:
    whole: dict[str, Any] = {key: np.concatenate([each[key] for each in results]) for key in results[0]}
    with replacing(path) as beside, beside.open("wb") as stream:
        np.savez(stream, **whole)


def _read_part(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)
