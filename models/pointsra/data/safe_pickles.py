"""Pickles of plain arrays, read without running anything: the FPS caches and few-shot folds of ModelNet40.

A pickle is a program, and Python's own reader calls whatever it names. This reader is a small machine of its own that
knows only lists, tuples, dicts, numbers, texts and numpy arrays; the names that numpy writes for an array are signs to
it, never looked up and never called. All else is refused. The file is mapped, not read: arrays are views of it, so a
cache of two gigabytes costs no memory until its clouds are looked at (in protocol 2, written by Python 3, bytes are
texts, and their arrays are copies). It writes nothing and reads no other pickles; whether the arrays are clouds is for
the caller to find out.
"""

from __future__ import annotations

import mmap
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pointsra.data.pickled_arrays import (
    ARRAY_NAMES,
    BUFFER_NAMES,
    BYTES_NAME,
    CLASS_NAME,
    KNOWN_NAMES,
    NUMBERS,
    SCALAR_NAMES,
    SHORT,
    TYPE_NAME,
    DamagedPickleError,
    Name,
    NumberType,
    UnbuiltArray,
    make_array,
)
from pointsra.errors import DataError

_MOST_INSTRUCTIONS = 5_000_000  # ours: the official training cache has some 300,000; bounds what small objects take
_LONGEST_NAME = 256
_LONGEST_INTEGER = 16  # bytes
_SPARE = 1 << 20  # bytes that texts may be turned into, beyond those the file has
_DAMAGE = (DamagedPickleError, IndexError, KeyError, TypeError, ValueError, OverflowError, UnicodeError, struct.error)
_OPCODES: dict[str, Any] = {opcode.code: opcode for opcode in pickletools.opcodes}


def load_arrays(path: Path) -> Any:
    """Read a pickle of protocol 2 to 5 that holds nothing but arrays and what they are kept in.

    Args:
        path: the file.

    Returns:
        Lists, tuples and dicts of numpy arrays (read-only) and scalars, integers, floats, texts, bytes and None.

    Raises:
        DataError: not there, not a pickle, cut short or damaged, or a pickle that names anything but numpy arrays;
            nothing it names is run.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            if not stream.read(1):
                raise DataError(f"{path}: is empty; copy it again.")
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror or cause}); is it there?") from cause
    return _Machine(path, content).run()


class _Machine:
    """Runs one pickle.

    Args:
        path: its file, for messages.
        content: its bytes.
    """

    def __init__(self, path: Path, content: mmap.mmap) -> None:
        self.path = path
        self.content = content
        self.view = memoryview(content)
        self.place = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0  # bytes made from texts

    def run(self) -> Any:
        if self.view[0] != 0x80 or len(self.view) < 2 or not 2 <= self.view[1] <= 5:
            raise DataError(f"{self.path}: not a pickle of protocol 2 to 5; is this an official file?")
        self.place = 2
        try:
            for _ in range(_MOST_INSTRUCTIONS):
                code = self.take(1)[0]
                if code == 0x2E:  # STOP
                    return self.pop()
                work = _INSTRUCTIONS.get(code)
                if work is None:
                    raise self.refusal(code)
                work(self)
        except _DAMAGE as cause:
            said = f": {cause}" if isinstance(cause, DamagedPickleError) else ""
            raise DataError(
                f"{self.path}: cut short or damaged at byte {self.place} of {len(self.view)}{said}; copy it again."
            ) from cause
        raise DataError(
            f"{self.path}: has more than {_MOST_INSTRUCTIONS} instructions, which no list of clouds needs; "
            "it was not opened."
        )

    def refusal(self, code: int) -> DataError:
        known = _OPCODES.get(chr(code))
        if known is None:
            return DataError(
                f"{self.path}: damaged at byte {self.place - 1} (no pickle has {code:#04x} there); copy it again."
            )
        what = f"names {self.line()}.{self.line()}" if known.name == "INST" else f"uses the instruction {known.name}"
        return self.carries_code(what)

    def carries_code(self, what: str) -> DataError:
        shown = "".join(sign if sign.isprintable() else "?" for sign in what)  # names could hold orders to a terminal
        return DataError(f"{self.path}: is a pickle that carries code (it {shown}); it was not opened.")

    def take(self, size: int) -> memoryview:
        end = self.place + size
        if end > len(self.view):
            raise DamagedPickleError(f"{size} bytes wanted, {len(self.view) - self.place} are left")
        taken = self.view[self.place : end]
        self.place = end
        return taken

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        end = self.content.find(b"\n", self.place, self.place + _LONGEST_NAME)
        if end < 0:
            raise DamagedPickleError("a name without end")
        name = bytes(self.take(end - self.place)).decode("utf-8", "replace")
        self.place = end + 1
        return name

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise DamagedPickleError("nothing to take")
        value = self.stack.pop()
        if isinstance(value, UnbuiltArray):
            raise DamagedPickleError("an array without content")
        return value

    def to_mark(self) -> list[Any]:
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        if any(isinstance(value, UnbuiltArray) for value in values):
            raise DamagedPickleError("an array without content")
        return values

    def push_bytes(self, size: int) -> None:
        taken = self.take(size)
        self.push(bytes(taken) if size <= SHORT else taken)

    def push_text(self, size: int) -> None:
        self.push(str(self.take(size), "utf-8", "surrogatepass"))

    def push_old_text(self, size: int) -> None:
        """What Python 2 calls str: a text where it is short and plain, else bytes."""
        taken = self.take(size)
        short = bytes(taken) if size <= SHORT else b"\xff"
        self.push(short.decode("ascii") if short.isascii() else taken)

    def push_integer(self, size: int) -> None:
        if size > _LONGEST_INTEGER:
            raise DamagedPickleError(f"an integer of {size} bytes")
        self.push(int.from_bytes(self.take(size), "little", signed=True))

    def push_tuple(self, size: int) -> None:
        values = [self.pop() for _ in range(size)]
        self.push(tuple(reversed(values)))

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise DamagedPickleError("something is put into what is no list")
        target.extend(values)

    def assign(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(values) % 2:
            raise DamagedPickleError("something is put into what is no dict")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str | int):
                raise DamagedPickleError(f"a key of type {type(key).__name__}")
            target[key] = value

    def put(self, key: int) -> None:
        value = self.stack[-1]
        if isinstance(value, UnbuiltArray):
            value.key = key
        self.memo[key] = value

    def get(self, key: int) -> None:
        value = self.memo[key]
        if isinstance(value, UnbuiltArray):
            raise DamagedPickleError("an array is used before it is there")
        self.push(value)

    def name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedPickleError("a name that is no text")
        full = f"{module[:_LONGEST_NAME]}.{name[:_LONGEST_NAME]}"
        if full not in KNOWN_NAMES:
            raise self.carries_code(f"names {full}")
        self.push(Name(full))

    def stack_name(self) -> None:
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def reduce(self) -> None:
        arguments, target = self.pop(), self.pop()
        if not isinstance(target, Name) or type(arguments) is not tuple:
            raise self.carries_code("calls what is no name of numpy")
        if target.text in ARRAY_NAMES:
            if not isinstance(arguments[0], Name) or arguments[0].text != CLASS_NAME:
                raise self.carries_code("builds what is no numpy array")
            self.push(UnbuiltArray())
        elif target.text == TYPE_NAME:
            code = arguments[0] if isinstance(arguments[0], str) else ""
            if not NUMBERS.fullmatch(code):
                raise DataError(f"{self.path}: holds an array of type {code[:20]!r}, not of numbers; not opened.")
            self.push(NumberType(code))
        elif target.text == BYTES_NAME:
            self.push(self.text_bytes(*arguments))
        elif target.text in SCALAR_NAMES:
            kind, content = arguments
            self.push(make_array(kind, (), "C", content)[()])
        elif target.text in BUFFER_NAMES:
            content, kind, shape, order = arguments
            self.push(make_array(kind, shape, order, content))
        else:
            raise self.carries_code(f"calls {target.text}")

    def text_bytes(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise DamagedPickleError("bytes that are no text of Latin-1")
        self.copied += len(text)
        if self.copied > len(self.view) + _SPARE:
            raise self.carries_code("turns one text into bytes again and again")
        return text.encode("latin-1")

    def build(self) -> None:
        state, target = self.pop(), self.stack.pop()
        if isinstance(target, NumberType):
            target.set_state(state)
            self.push(target)
        elif isinstance(target, UnbuiltArray):
            _, shape, kind, fortran, content = state
            array = make_array(kind, shape, "F" if fortran is True else "C", content)
            if target.key is not None:
                self.memo[target.key] = array
            self.push(array)
        else:
            raise self.carries_code(f"changes what is no array, but {type(target).__name__}")


_INSTRUCTIONS: dict[int, Callable[[_Machine], object]] = {
    ord("("): lambda m: m.marks.append(len(m.stack)),
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("J"): lambda m: m.push(m.number("<i")),
    ord("K"): lambda m: m.push(m.number("<B")),
    ord("M"): lambda m: m.push(m.number("<H")),
    ord("G"): lambda m: m.push(m.number(">d")),
    0x8A: lambda m: m.push_integer(m.number("<B")),
    ord("U"): lambda m: m.push_old_text(m.number("<B")),
    ord("T"): lambda m: m.push_old_text(m.number("<I")),
    ord("C"): lambda m: m.push_bytes(m.number("<B")),
    ord("B"): lambda m: m.push_bytes(m.number("<I")),
    0x8E: lambda m: m.push_bytes(m.number("<Q")),
    0x96: lambda m: m.push_bytes(m.number("<Q")),
    0x8C: lambda m: m.push_text(m.number("<B")),
    ord("X"): lambda m: m.push_text(m.number("<I")),
    0x8D: lambda m: m.push_text(m.number("<Q")),
    ord("]"): lambda m: m.push([]),
    ord(")"): lambda m: m.push(()),
    ord("}"): lambda m: m.push({}),
    ord("t"): lambda m: m.push(tuple(m.to_mark())),
    0x85: lambda m: m.push_tuple(1),
    0x86: lambda m: m.push_tuple(2),
    0x87: lambda m: m.push_tuple(3),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): lambda m: m.append(m.to_mark()),
    ord("s"): lambda m: m.assign([m.pop(), m.pop()][::-1]),
    ord("u"): lambda m: m.assign(m.to_mark()),
    ord("q"): lambda m: m.put(m.number("<B")),
    ord("r"): lambda m: m.put(m.number("<I")),
    0x94: lambda m: m.put(len(m.memo)),
    ord("h"): lambda m: m.get(m.number("<B")),
    ord("j"): lambda m: m.get(m.number("<I")),
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: _Machine.stack_name,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
    0x95: lambda m: m.number("<Q"),  # FRAME: how much to read at once, of no use here
}
"""What a pickle may ask for; all that is not here is refused."""
