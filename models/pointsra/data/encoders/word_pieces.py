"""Text into the pieces of words that BERT was trained on (Devlin et al., NAACL 2019), lower case."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from pointsra.errors import DataError

_LONGEST_WORD = 100


class WordPieces:
    """Splits text by a vocabulary: greedily the longest piece from the left, ``##`` before what goes on a word.

    Args:
        path: ``vocab.txt``, one piece a line.

    Raises:
        DataError: the file cannot be read, or lacks the pieces that mark ends.
    """

    def __init__(self, path: Path) -> None:
        try:
            pieces = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as cause:
            raise DataError(f"{path}: the vocabulary cannot be read; install the package again.") from cause
        self.numbers = {piece: number for number, piece in enumerate(pieces)}
        for mark in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"):
            if mark not in self.numbers:
                raise DataError(f"{path}: the vocabulary lacks {mark}; install the package again.")

    def encode(self, text: str, longest: int) -> list[int]:
        """The numbers of the pieces of a text with the marks of its ends, at most ``longest``."""
        found: list[int] = []
        for word in split_words(text):
            found.extend(self._pieces(word))
        found = found[: longest - 2]
        return [self.numbers["[CLS]"], *found, self.numbers["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        unknown = [self.numbers["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self.numbers.get(("##" if start else "") + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return unknown
        return found


def split_words(text: str) -> list[str]:
    """Words and single marks of punctuation in lower case, without accents; each Chinese character is a word."""
    spaced: list[str] = []
    for character in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(character)
        if kind == "Mn" or character in "\0\ufffd":
            continue
        if character in "\t\n\r" or kind == "Zs":
            spaced.append(" ")
        elif kind.startswith("C"):
            continue
        elif _stands_alone(character, kind):
            spaced.append(f" {character} ")
        else:
            spaced.append(character)
    return "".join(spaced).split()


def _stands_alone(character: str, kind: str) -> bool:
    code = ord(character)
    if kind.startswith("P") or 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
        return True
    return any(
        low <= code <= high for low, high in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F))
    )
