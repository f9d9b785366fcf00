"""The command line of Point-SRA: ``pointsra COMMAND …``, or ``python -m pointsra_cli``.

:func:`main` holds the one ``except`` of the program: whatever goes wrong below becomes one short message on
stderr and an exit code (``failures``). The commands themselves are one file each and only parse, call the core
and show what came back.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

__all__ = ["main", "run"]


def main() -> None:
    """Run the command line with the arguments of this process, and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: what follows ``pointsra``.

    Returns:
        The exit code: 0 done, 1 the work failed, 2 the request or its input is wrong, 130 interrupted.
    """
    from pointsra_cli import failures
    from pointsra_cli.app import app_for

    for stream in (sys.stdout, sys.stderr):
        _never_fail_on_letters(stream)
    try:
        code = app_for(arguments)(args=list(arguments), prog_name="pointsra", standalone_mode=False)
        sys.stdout.flush()
        if code == failures.INTERRUPTED:  # Typer turns Ctrl-C into this number
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except BaseException as error:
        if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):
            # Whoever read our output has seen enough (`| head`); what is still buffered must not raise again.
            with suppress(OSError, ValueError):
                sys.stdout.close()
            return 0
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else 1
        return failures.tell(error, debug="--debug" in arguments)


def _never_fail_on_letters(stream: TextIO) -> None:
    """Let a terminal that cannot show a letter show a question mark instead of stopping the work."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
