"""How long work tells its caller where it stands.

The core never prints. A function that takes a while accepts a :data:`Report` and calls it with
:class:`Progress` records; the command line draws them, a notebook or a test may ignore them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """One step of a longer piece of work.

    Attributes:
        stage: what is being done, in two or three words ("generate shapes", "epoch 3 of 20").
        done: units finished so far.
        total: units in all, or None where that is not known.
        unit: what is counted ("clouds", "steps").
        fields: figures worth showing beside the bar (``{"loss": 1.83}``).
        message: a sentence for the log, or None for a mere tick.
    """

    stage: str
    done: int = 0
    total: int | None = None
    unit: str = "steps"
    fields: Mapping[str, float] = field(default_factory=dict)
    message: str | None = None


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The report that nobody reads; the default everywhere."""
