"""The rows of ``benchmarks.ablation``: which preset each one is, and the overrides that make all of them small alike.

The paper's figures are those of its ablation table and of its comparison of generators, as published: overall accuracy
of fine-tuning on ScanObjectNN. In our reading its rows + MAE-SRA and + MFT-SRA each stand on + MeanFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from pointsra.data.loaders import steps_per_epoch
from pointsra.settings import PretrainPreset, load_preset

COLUMNS = ("OBJ_BG", "OBJ_ONLY", "PB_T50_RS")
"""ScanObjectNN variants of the paper's ablation; its comparison of generators has the last one alone."""

SAMPLES = 8
STEPS_DRAWN = (1, 2, 8)
HIDDEN_SHARE = 0.5
"""Completions of a shape, the numbers of flow evaluations, and the share of the patches that a block hides."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        name: what ``--rows`` calls it.
        table: "ablation" or "generators".
        preset: the shipped preset.
        published: the paper's overall accuracies in percent on :data:`COLUMNS`; None where it has no such figure.
        changes: overrides of this row alone, on top of the preset.
    """

    name: str
    table: str
    preset: str
    published: tuple[float | None, float | None, float | None] = (None, None, None)
    changes: tuple[str, ...] = ()


ROWS = (
    Row("baseline", "ablation", "ablation-baseline", (90.02, 88.29, 85.18)),
    # Not in the paper: its table does not say what the cross-modal term brings, which the next row brings as well.
    Row("cross-modal", "ablation", "ablation-baseline", changes=("losses.cross_modal=1.0",)),
    Row("meanflow", "ablation", "ablation-meanflow", (95.18, 92.77, 90.63)),
    Row("mae-sra", "ablation", "ablation-mae-sra", (95.01, 92.77, 89.69)),
    Row("mft-sra", "ablation", "ablation-mft-sra", (95.35, 92.91, 90.01)),
    Row("full", "ablation", "ablation-full", (95.53, 93.31, 90.77)),
    Row("flow-ddpm", "generators", "flow-ddpm", (None, None, 87.61)),
    Row("flow-rectified", "generators", "flow-rectified", (None, None, 89.60)),
    Row("flow-meanflow", "generators", "flow-meanflow", (None, None, 90.63)),
)

SMALL = (
    "data.dataset=shapes",
    "data.validation_split=",  # nothing is chosen, so nothing is watched
    *("patches.points=512", "patches.groups=32", "patches.size=32"),
    *("encoder.dim=64", "encoder.depth=3", "encoder.heads=4", "encoder.patch_widths=[32, 64, 64]"),
    *("encoder.drop_path=0.0", "decoder.depth=1", "decoder.heads=4", "decoder.drop_path=0.0"),
    *("flow.dim=64", "flow.depth=3", "flow.heads=4"),
    *("teacher.momentum=0.99", "teacher.flow_momentum=0.99"),  # a run of hundreds of steps, not of 100,000
    *("optimizer.batch_size=32", "optimizer.lr=0.001", "optimizer.clip=1.0", "augment.rotate=15.0"),
)
"""What makes every preset small; the method's own settings stay the paper's."""

COMPLETING = (
    *("masks.block_share=0.5", "masks.frame=visible", "decoder.center_jitter=0.02"),
    *("masks.crop_low=0.25", "masks.crop_high=0.75"),
)
"""What the generators' rows add, all alike: without blocks in training they would be asked what they never met."""

SMOKE = (
    *("patches.points=128", "patches.groups=16", "patches.size=8"),
    *("encoder.dim=24", "encoder.depth=1", "encoder.heads=2", "encoder.patch_widths=[8, 16, 24]"),
    *("decoder.depth=1", "decoder.heads=2", "flow.dim=24", "flow.depth=1", "flow.heads=2"),
)


@dataclass(frozen=True)
class Budget:
    """What every row is given; a folder holds the results of one budget."""

    steps: int = 2000
    shapes: int = 3000
    completions: int = 48
    smoke: bool = False

    def overrides(self, table: str) -> tuple[str, ...]:
        """The overrides that all rows of one table share."""
        return (*SMALL, *(COMPLETING if table == "generators" else ()), *(SMOKE if self.smoke else ()))


def resolved(row: Row, budget: Budget, clouds: int, seed: int) -> PretrainPreset:
    """The preset that a row trains with on so many clouds, in whole epochs."""
    shared = budget.overrides(row.table)
    batch = load_preset(row.preset, shared, task="pretrain").optimizer.batch_size
    epochs = max(1, round(budget.steps / steps_per_epoch(clouds, batch)))
    length = (f"optimizer.epochs={epochs}", f"optimizer.warmup_epochs={epochs / 10!r}")
    changes = (*shared, *length, *row.changes)
    return cast(PretrainPreset, load_preset(row.preset, changes, seed=seed, task="pretrain"))
