"""The rows of ``benchmarks.completion``: what completes, at what budget; networks differ by their objective alone.

That of MeanFlow is the preset's, with an energy score of what it draws in one evaluation; a row of its own has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pointsra.data.loaders import steps_per_epoch
from pointsra.reconstruction.request import TEMPERATURE
from pointsra.settings import PretrainPreset, load_preset

PRESET = "small"
"""The shipped preset that all trained rows are; it has the masks for completion."""

HELD_OUT_SEED = 977
"""Of the shapes that are judged on. Training shapes have seed 0, so none of these was ever trained on."""

VALIDATION_SEED = 555
"""Of the shapes that weights and settings are chosen on, by ``benchmarks.choosing``: neither trained nor judged on."""

HIDDEN_SHARE = 0.5
"""Share of the patches that a block hides, of :data:`PATCHES`."""

PATCHES = 32


@dataclass(frozen=True)
class Drawing:
    """How the samples of a row are drawn.

    Attributes:
        evaluations: of the network for each sample; 0 where there is none.
        temperature: of the noise.
    """

    evaluations: int = 0
    temperature: float = TEMPERATURE

    @property
    def label(self) -> str:
        """What tables and results call it."""
        noise = "" if self.temperature == TEMPERATURE else f" at T = {self.temperature:g}"
        return f"{self.evaluations}{noise}" if self.evaluations else "–"


ONE_ANSWER = (Drawing(),)
ONE_STEP = (Drawing(1), Drawing(1, 1.0))
SEVERAL = (Drawing(1), Drawing(2), Drawing(4), Drawing(1, 1.0))


@dataclass(frozen=True)
class Row:
    """One way to complete.

    Attributes:
        name: what ``--rows`` calls it.
        title: what the table calls it.
        objective: ``flow.objective`` that it is trained with, "" where nothing is trained.
        energy: whether it keeps the preset's energy score of what it draws in one evaluation.
        drawings: how its samples are drawn, a line of the table each; the first decides on aims.
        steered: whether captions and pictures are tried on it.
    """

    name: str
    title: str
    objective: str = ""
    energy: bool = False
    drawings: tuple[Drawing, ...] = ONE_ANSWER
    steered: bool = False

    @property
    def first(self) -> str:
        """The label of the drawing that decides on aims."""
        return self.drawings[0].label

    def labels(self, found: Sequence[Mapping[str, Any]]) -> list[str]:
        """The labels of the drawings that all of its results hold; those of former versions may hold fewer."""
        return [each.label for each in self.drawings if all(each.label in run["lines"] for run in found)]


ROWS = (
    Row("meanflow", "MeanFlow", "meanflow", energy=True, drawings=SEVERAL, steered=True),
    Row("alone", "MeanFlow without the energy score", "meanflow", drawings=ONE_STEP),
    Row("rectified", "rectified flow", "rectified_flow", drawings=SEVERAL),
    Row("regression", "regression", "regression", drawings=(Drawing(1),)),
    Row("mirror", "mirror and copy"),
    Row("nearest", "nearest training shape"),
    Row("recalled", "nearest visible part in training, told no more"),
    Row("weights", "given weights (another budget)", drawings=SEVERAL, steered=True),
    Row("generator", "control: the generator itself"),
)

EQUAL = (
    "data.dataset=shapes",
    "data.validation_split=",  # nothing is chosen, so nothing is watched
    "losses.mft_sra=0",  # it needs an average velocity, which MeanFlow alone has
    "augment.rotate=15",  # the shapes that are judged on face the front, and a small budget should not go into turns
)
"""What is changed in the preset for all trained rows alike."""

TINY = (
    *("patches.points=128", "patches.groups=16", "patches.size=8"),
    *("encoder.dim=24", "encoder.depth=1", "encoder.heads=2", "encoder.patch_widths=[8, 16, 24]"),
    *("decoder.depth=1", "decoder.heads=2", "flow.dim=24", "flow.depth=1", "flow.heads=2"),
)


@dataclass(frozen=True)
class Budget:
    """What every row is given; a folder holds the results of one budget.

    Attributes:
        steps: of the optimizer, in whole epochs.
        shapes: generated for training; eight tenths are trained on.
        clouds: n, held-out clouds with a hidden block; of hidden parts there are twice as many.
        tiny: a toy, which says only that everything runs.
        given_encoder: whether trained rows start from all of the given weights but their flow, and not from nothing.
        shapes_seed: of the held-out shapes.
    """

    steps: int = 800
    shapes: int = 3000
    clouds: int = 40
    tiny: bool = False
    given_encoder: bool = False
    shapes_seed: int = HELD_OUT_SEED

    @property
    def samples(self) -> int:
        """S, completions of a cloud."""
        return 2 if self.tiny else 8

    @property
    def parts(self) -> int:
        """How many held-out clouds have a part hidden; at least one of each kind."""
        return max(2 * self.clouds, 4)

    @property
    def steered(self) -> int:
        """How many of these are asked for an option by caption and picture."""
        return max(self.clouds, 4)

    @property
    def guidance(self) -> tuple[float, ...]:
        """w of classifier-free guidance that captions and pictures are tried with."""
        return (1.0,) if self.tiny else (1.0, 2.0, 4.0)

    @property
    def points(self) -> int:
        """Points of a held-out cloud: more than the networks look at, so that how many are visible tells nothing."""
        return 1024 if self.tiny else 4096

    @property
    def instances(self) -> int:
        """Instances of each alternative that completions are compared with."""
        return 1 if self.tiny else 6


def resolved(row: Row, budget: Budget, clouds: int, seed: int) -> PretrainPreset:
    """The preset that a row trains with on so many clouds, in whole epochs."""
    shared = (*EQUAL, *(TINY if budget.tiny else ()))
    batch = load_preset(PRESET, shared, task="pretrain").optimizer.batch_size
    epochs = max(1, round(budget.steps / steps_per_epoch(clouds, batch)))
    length = (f"optimizer.epochs={epochs}", f"optimizer.warmup_epochs={epochs / 20!r}")
    own = (f"flow.objective={row.objective}", *(() if row.energy else ("losses.energy=0",)))
    changes = (*shared, *length, *own)
    return cast(PretrainPreset, load_preset(PRESET, changes, seed=seed, task="pretrain"))
