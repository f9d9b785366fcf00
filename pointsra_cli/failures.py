"""From an exception to one short message and an exit code. It catches nothing itself: ``run`` does.

The message says what is wrong, where and what to do. A traceback is shown with ``--debug`` only, and for the
user's own mistakes it is seldom of use.
"""

from __future__ import annotations

import difflib
import errno
import re
import sys
import traceback

WORK_FAILED = 1
REQUEST_WRONG = 2
INTERRUPTED = 130

_ELSEWHERE = "choose another place with --out"


def tell(error: BaseException, *, debug: bool) -> int:
    """Write the message for ``error`` to stderr, after its traceback where ``debug``; return the exit code."""
    message, code = describe(error)
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    elif code == WORK_FAILED and not is_ours(error):
        message += " Run again with --debug for the traceback."
    label = "" if code == INTERRUPTED or message.startswith("Usage: ") else "error: "
    print(f"{label}{message}", file=sys.stderr)  # noqa: T201
    return code


def describe(error: BaseException) -> tuple[str, int]:
    """The message for ``error`` and the exit code that goes with it."""
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return "Interrupted.", INTERRUPTED
    if hasattr(error, "format_message"):  # what Typer raises for a wrong command line
        return _wrong_command_line(error), REQUEST_WRONG
    if is_ours(error):
        return str(error), int(getattr(error, "exit_code", REQUEST_WRONG))
    if _out_of_memory(error):
        return (
            "Memory ran out; ask for less at a time (training: --set optimizer.batch_size=…, reconstruct: "
            "--samples or a smaller input).",
            WORK_FAILED,
        )
    if isinstance(error, OSError):
        return _wrong_file(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"The Python package {error.name} is not installed; `pointsra doctor` says what to do.", WORK_FAILED
    lines = str(error).strip().splitlines()
    detail = f": {lines[0].rstrip('.')}" if lines else ""
    return f"Something unexpected happened ({type(error).__name__}{detail}).", WORK_FAILED


def nearest(word: str, known: list[str]) -> str:
    """``; did you mean x?`` for the entry of ``known`` nearest to ``word``, a full stop where none is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else "."


def is_ours(error: BaseException) -> bool:
    """Whether the message is the error's own, and a traceback would say nothing more."""
    from pointsra.errors import PointSRAError

    return isinstance(error, PointSRAError)


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch's own classes are known by name, since torch may not even be loaded."""
    if isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "ArrayMemoryError"):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)


def _wrong_command_line(error: BaseException) -> str:
    message = str(error.format_message()).strip()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        return message  # the bare command: its page
    unknown = re.match(r"No such command '(.+?)'\.", message)
    context = getattr(error, "ctx", None)
    if unknown and context is not None and "mean" not in message:
        message = message.rstrip(".") + nearest(unknown[1], list(getattr(context.command, "commands", {})))
    if message and message[-1] not in ".?!":
        message += "."
    path = context.command_path if context is not None else "pointsra"
    return f"{message} `{path} --help` shows what there is."


def _wrong_file(error: OSError) -> tuple[str, int]:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place}the disk is full; free some space or {_ELSEWHERE}.", WORK_FAILED
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}no permission; change it, or {_ELSEWHERE}.", REQUEST_WRONG
    if error.errno == errno.ENOENT:
        return f"{place}no such file or folder.", REQUEST_WRONG
    if error.errno == errno.ENOTDIR:
        return f"{place}a file stands where a folder is needed; {_ELSEWHERE}.", REQUEST_WRONG
    if error.errno == errno.EISDIR:
        return f"{place}is a folder where a file is needed.", REQUEST_WRONG
    return f"{place}{error.strerror or error}.", WORK_FAILED
