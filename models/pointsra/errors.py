"""The family of errors that a user can cause and mend.

Each carries one sentence: what is wrong, where, and what to do. The command line turns it into that sentence
and an exit code; a Python caller catches :class:`PointSRAError`. Programming mistakes are not in this family:
they stay ordinary exceptions, with a traceback.
"""

from __future__ import annotations


class PointSRAError(Exception):
    """Something about the request or its input is wrong; ``exit_code`` is what the command line returns."""

    exit_code = 2


class SettingsError(PointSRAError):
    """A preset or one of its fields is unknown, contradictory or out of range."""


class DataError(PointSRAError):
    """A data set, raw or prepared, is missing, incomplete or damaged."""


class CheckpointError(PointSRAError):
    """Weights or a run folder are missing, damaged or do not fit what is asked of them."""


class InputFileError(PointSRAError):
    """A mesh or cloud given by the user cannot be read, or holds nothing that can be used."""


class OutputError(PointSRAError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(PointSRAError):
    """A feature needs an optional package that is not installed."""


class DeviceError(PointSRAError):
    """The compute device asked for is not there."""


class WorkFailedError(PointSRAError):
    """The request was right and the work failed all the same (numbers that diverge, memory that runs out)."""

    exit_code = 1


def first_line(cause: BaseException) -> str:
    """What another library's exception says, or its name, short enough to stand in one sentence of ours."""
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:120]
