"""Reads a tag or a directory's name as words: ``Loss/validAcc_top5`` is ``loss | valid acc | top k``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from tbbridge.shape.mapping import words

LONGEST_TEXT: Final = 512
"""Characters of a tag that are read, from its end: a name is untrusted, and the right-most words decide."""
_LONGEST_GLUED: Final = 32

_SPELLED: Final = re.compile(r"mAP(?=[^a-z]|$)|m?IoU|mIOU|CIDEr|chrF|sMAPE|nRMSE")
"""Spellings in which a capital does not start a word."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[^\W_]+")
_PARTS: Final = re.compile(r"\d+|\D+")
_BEGINNINGS: Final = frozenset(word[:end] for word in words.KNOWN for end in range(1, len(word) + 1))
_NO_WORDS: Final = re.compile(r"[0-9]{2}")
"""No known word holds two digits in a row, or begins with one."""
_LONGEST_PHRASE: Final = max(map(len, words.PHRASES))

_JOINERS: Final = frozenset(("vs", "versus", "and", "or"))


class Word(NamedTuple):
    """One word of a name, in lower case and singular; a phrase such as ``cross entropy`` or ``top 1`` is one word."""

    text: str
    segment: int
    """The path segment (between ``/``) that it stands in, counted from the left."""


@lru_cache(maxsize=1 << 16)
def tokenise(text: str) -> tuple[Word, ...]:
    """The words of a tag, or of a run's path, in order."""
    found: list[Word] = []
    for number, segment in enumerate(text[-LONGEST_TEXT:].split("/")):
        pieces = [word for piece in _pieces(segment) for word in _unglue(piece)]
        found += [Word(word, number) for word in _phrases(pieces, segment)]
    return tuple(found)


def _pieces(segment: str) -> list[str]:
    spelled = _SPELLED.sub(lambda found: found.group().lower() + " ", segment.replace("^", ""))
    return [piece.lower() for piece in _WORD.findall(_CAMEL.sub(" ", spelled))]


@lru_cache(maxsize=1 << 14)
def _unglue(piece: str) -> tuple[str, ...]:
    """``valacc`` is ``val acc``, ``accuracy05`` is ``accuracy 5``, ``losses`` is ``loss``."""
    whole = _known(piece)
    if whole:
        return (whole,)
    if len(piece) <= _LONGEST_GLUED and (glued := _segment(piece)):
        return glued
    parts = _PARTS.findall(piece)
    if len(parts) > 1 and not piece[0].isdecimal():  # 10c, 5way and 3d are words of their own
        return tuple(word for part in parts for word in _unglue(part))
    return (piece.lstrip("0") or "0",) if piece.isdecimal() else (piece,)


def _known(piece: str) -> str | None:
    """The known word that `piece` is, in singular and spelled right; None when it is none."""
    if piece in words.KNOWN:
        return piece
    for end, singular in (("ies", "y"), ("es", ""), ("s", "")):
        if piece.endswith(end) and (stem := piece.removesuffix(end) + singular) in words.KNOWN:
            return stem
    return _corrected(piece)


def _corrected(piece: str) -> str | None:
    """The two long words that scripts misspell most, at most two (one) slips away."""
    if 6 <= len(piece) <= 10 and piece.startswith("ac") and piece.endswith("y") and _slips(piece, "accuracy") <= 2:
        return "accuracy"
    if 8 <= len(piece) <= 12 and piece.startswith("va") and piece.endswith("n") and _slips(piece, "validation") <= 1:
        return "validation"
    return None


def _slips(one: str, other: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment)."""
    rows = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
    return rows[-1][-1]


def _segment(piece: str) -> tuple[str, ...]:
    """The fewest known words (at most four) that make up `piece` completely; none when it cannot be done."""
    if _NO_WORDS.search(piece):
        return ()
    best: list[tuple[str, ...] | None] = [()] + [None] * len(piece)
    for start in range(len(piece) - 1):
        head = best[start]
        if head is None or len(head) == 4:
            continue
        for end in range(start + 1, len(piece) + 1):
            word = piece[start:end]
            if word not in _BEGINNINGS:
                break
            known = best[end]
            glued = word in words.KNOWN and len(word) > 1
            glued = glued and (len(word) > 2 or word in words.GLUE or not word.isascii())
            if glued and (known is None or len(head) + 1 < len(known)):
                best[end] = (*head, word)
    return best[-1] or ()


def _phrases(found: list[str], segment: str) -> list[str]:
    """Words that only mean something together become one."""
    out: list[str] = []
    for word in found:
        joined = (word.isdecimal() and _ranked(out, int(word), segment)) or word
        length = _LONGEST_PHRASE - 1
        while length:
            if phrase := words.PHRASES.get((*out[-length:], joined)):
                del out[-length:]
                joined, length = phrase, _LONGEST_PHRASE
            length -= 1
        out.append(joined)
    return _unjoined(out)


def _ranked(out: list[str], k: int, segment: str) -> str | None:
    """``top 1``, ``prec 1`` or ``top k`` for a number after the words `out`; takes the words that it stands for."""
    at = bool(out) and out[-1] == "at"
    head = out[-2] if at and len(out) > 1 else out[-1] if out else ""
    if head in ("top", "prec", "precision"):
        del out[-2 if at else -1 :]
        return ("top 1" if head == "top" else "prec 1") if k == 1 else "top k" if head == "top" else "precision"
    if head in ("acc", "accuracy", "accu") and (k > 2 or (k == 2 and not re.search(r"_0*2$", segment))):
        return "top k"
    return None


def _unjoined(found: list[str]) -> list[str]:
    """``training vs validation loss`` names no split at all: both words go."""
    for i in range(1, len(found) - 1):
        around = {words.SPLITS.get(found[i - 1]), words.SPLITS.get(found[i + 1])}
        if found[i] in _JOINERS and None not in around and len(around) > 1:
            return found[: i - 1] + found[i + 2 :]
    return found


def quoted(text: str, most: int = 120) -> str:
    """A name for a sentence: in quotes, without control characters, the middle left out where it is too long."""
    half = most // 2
    return repr(text if len(text) <= most else f"{text[:half]} ... {text[-half:]}")
