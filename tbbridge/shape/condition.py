"""Conditions on a training: their language, and the first point that fulfils one.

condition = Condition("val accuracy no better for 20")
condition.first(view.columns)           # a `Fulfilled`, or None
course = Course(condition)              # the same as the columns grow, at the cost of the new points
course.update(view.columns)

    condition = [best | gap] COLUMN OP NUMBER            OP is > >= < or <=
              | COLUMN is (nan | inf)
              | COLUMN no better for N [points | steps]  better by the metric's own direction
              | COLUMN rises for N [points]
              | step OP NUMBER
              | silent for DURATION                      such as 30s, 10m, 8h, 2d
              | finished

A COLUMN is one of the run log, or RUN:TAG for any series (a glob, too); quotes hold a name together that has such words
in it. A NaN compares as nothing: it is neither above nor below a number, never better, and ends a rise.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

import numpy as np

from tbbridge.core.errors import ConditionError, UsageError
from tbbridge.core.growing_column import common_prefix
from tbbridge.core.model import Bools, Floats, Points
from tbbridge.shape.gap import decimal_gaps, decimals
from tbbridge.shape.mapping.overrides import spelled
from tbbridge.shape.mapping.tokens import quoted
from tbbridge.shape.summary import lower_is_better

_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_TOKEN: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([<>=!]+|[^\s<>=!"'][^\s<>]*))""")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 10 * 365 * 86400
"""Seconds of a duration at most: no clock of the system overflows."""


class Fulfilled(NamedTuple):
    """The first point that fulfils a condition."""

    column: str
    """The column or ``RUN:TAG``; ``gap METRIC`` for a gap; empty for a training that is silent or finished."""
    step: int | None
    wall_time: float | None
    """Seconds since the epoch, as logged."""
    value: float | None
    """The compared number, as the decimal that was logged: the value, the best so far, the gap or the step."""


class Condition:
    """A condition on a training, such as ``val accuracy > 0.9``.

    Args:
        text: the condition.

    Raises:
        ConditionError: it is not well formed; names the word, and the nearest right one.
        UsageError: it is no text.

    Attributes:
        text: as it was given.
        column: its column, or ``RUN:TAG``; the metric for a gap; empty where it has none.
        silence: seconds without a new byte that fulfil it; None where silence does not count.
        finished: whether it asks for the end of the training.
    """

    def __init__(self, text: str) -> None:
        if type(text) is not str:
            raise UsageError(f"a condition is a text, such as 'val accuracy > 0.9', and not {text!r}")
        self.text = text
        self.column = ""
        self.silence: float | None = None
        self.finished = False
        self._kind = ""
        self._of = ""
        self._operator = ""
        self._number = math.nan
        self._count = 0
        self._in_steps = False
        _parse(self, text)

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def any_series(self, columns: Mapping[str, Points]) -> bool:
        """Whether it looks at series, as ``RUN:TAG``, too: it may name one, or asks for steps where no column is."""
        return ":" in self.column or (self._kind == "step" and not any(len(one.step) for one in columns.values()))

    def first(self, columns: Mapping[str, Points]) -> Fulfilled | None:
        """Return the first point that fulfils it, by step; None where none does, and of silence and the end.

        Args:
            columns: the points of each column by name, and of each series as ``RUN:TAG``; by step ascending.
        """
        return Course(self).update(columns)

    def names(self, columns: Sequence[str]) -> list[str]:
        """Return which of these columns and series it looks at."""
        if self._kind == "step":
            return list(columns)
        if self._of == "gap":
            metric = re.sub(r"^(train|val(idation)?) ", "", self.column)
            pair = [spelled(f"{split} {metric}", columns) for split in ("train", "val")]
            return [name for name in pair if name] if None not in pair else []
        if name := self.column if self.column in columns else spelled(self.column, columns):
            return [name]
        return [name for name in columns if fnmatchcase(name, self.column)] if ":" in self.column else []

    def missing(self, columns: Sequence[str]) -> str:
        """Return a message where none of these columns and series is the one it asks for; empty where one is."""
        if not self.column or self.names(columns):
            return ""
        known = ["step", *(name for name in columns if len(name) < 200)][:5000]
        near = difflib.get_close_matches(self.column, known, n=1)
        hint = f"; did you mean {quoted(near[0])}?" if near else "" if ":" in self.column else "; a series is RUN:TAG"
        return f"there is no {quoted(self.column)} yet{hint}"

    def _compare(self, values: Floats) -> Bools:
        """Compare values with the number, both as decimals: 0.9 equals the float32 that was written for 0.9."""
        compare, kind = _OPERATORS[self._operator], values.dtype.type
        with np.errstate(over="ignore", invalid="ignore"):
            near = kind(self._number)
            exact = bool(compare(float(str(near)), self._number))
            result: Bools = np.where(values == near, exact, compare(values, near))
        return result

    def _test(self, points: Points, past: _Past) -> tuple[Bools, Floats]:
        """Return which of the new points fulfil it, and the compared numbers; `past` takes note of them."""
        values, rows = points.value[past.rows :], np.arange(past.rows, len(points.value))
        if self._kind in ("compare", "step") and self._of != "best":
            return self._compare(values), values
        if self._kind == "is":
            return (np.isnan(values) if self._operator == "nan" else np.isinf(values)), values
        first = points.value[past.anchor : past.anchor + 1] if past.rows else np.full(1, np.nan, values.dtype)
        if self._kind == "rises":
            before = points.value[past.rows - 1 : past.rows] if past.rows else first
            with np.errstate(invalid="ignore"):
                rises = values > np.concatenate([before, values[:-1]])
            anchors = np.maximum.accumulate(np.where(rises, past.anchor, rows))
            past.anchor = int(anchors[-1])
            return rows - anchors >= self._count, values
        lower = lower_is_better(self.column.partition(":")[2] or self.column)
        best = (np.fmin if lower else np.fmax).accumulate(np.concatenate([first, values]))
        with np.errstate(invalid="ignore"):
            better = (values < best[:-1] if lower else values > best[:-1]) | (np.isnan(best[:-1]) & ~np.isnan(values))
        anchors = np.maximum.accumulate(np.where(better, rows, past.anchor))
        past.anchor = int(anchors[-1])
        if self._of == "best":
            return self._compare(best[1:]), best[1:]
        since = points.step[rows] - points.step[anchors] if self._in_steps else rows - anchors
        return since >= self._count, values


@dataclass(slots=True)
class _Past:
    """The state of one series' points so far."""

    rows: int = 0
    anchor: int = 0
    """The row of the best value, or of the point from which it rises."""
    step: int | None = None
    """The last step whose gap was compared."""
    found: Fulfilled | None = None


class Course:
    """A condition on columns that change: `update` equals `Condition.first`, at the cost of the new points."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self._columns: dict[str, Points] = {}
        self._past: dict[str, _Past] = {}

    def update(self, columns: Mapping[str, Points]) -> Fulfilled | None:
        """Return the first point that fulfils the condition now; None where none does.

        Args:
            columns: as for `Condition.first`; they may have changed in any way since the last time.
        """
        before, wanted = self._columns, self.condition.names(list(columns))
        self._columns = {name: columns[name] for name in wanted}
        grown = {name for name in wanted if name in before and _only_grew(before[name], columns[name])}
        if self.condition._of == "gap":
            self._past = self._past if len(grown) == 2 else {"": _Past()}
            return self._gap(*wanted) if wanted else None
        self._past = {name: self._past[name] if name in grown else _Past() for name in wanted}
        found = [self._advance(name, columns[name], past) for name, past in self._past.items()]
        return min((one for one in found if one), key=lambda one: one.step or 0, default=None)

    def _gap(self, train: str, val: str) -> Fulfilled | None:
        past = self._past[""]
        both = [self._columns[name] for name in (train, val)]
        if past.step is not None:
            both = [one.at(slice(int(one.step.searchsorted(past.step, side="right")), None)) for one in both]
        gaps = decimal_gaps(*both, lower_is_better=lower_is_better(val))
        past.rows, past.step = 0, int(gaps.step[-1]) if len(gaps.step) else past.step
        return self._advance("gap " + val.removeprefix("val "), gaps, past)

    def _advance(self, name: str, points: Points, past: _Past) -> Fulfilled | None:
        """Look at the points from row `past.rows` on, where none before them fulfils the condition."""
        if past.found or len(points.step) == past.rows:
            return past.found
        if self.condition._kind == "step":
            points = points._replace(value=points.step.astype(np.float64))
        mask, compared = self.condition._test(points, past)
        if mask.any():
            new = int(mask.argmax())
            row, value = past.rows + new, float(decimals(compared[new : new + 1])[0])
            past.found = Fulfilled(name, int(points.step[row]), float(points.wall_time[row]), value)
        past.rows = len(points.step)
        return past.found


def _only_grew(old: Points, new: Points) -> bool:
    """Whether points were only appended: the arrays lie in the same memory, which is never written twice, or agree."""
    pairs = list(zip(old, new, strict=True))
    same = all(a.base is b.base is not None and a.ctypes.data == b.ctypes.data for a, b in pairs)
    return (same and len(old.step) <= len(new.step)) or common_prefix(old, new) == len(old.step)


def duration(text: str) -> float | None:
    """Return the seconds of a duration such as ``30s``, ``10m``, ``8h`` or ``2d``; None where it is not one."""
    found = _DURATION.fullmatch(text.lower())
    return min(float(found[1]) * _SECONDS[found[2]], _LONGEST) if found else None


def timeout_seconds(timeout: float | str | None) -> float | None:
    """Return the seconds of a timeout, at most ten years; None for ever.

    Raises:
        UsageError: it is neither a number nor a text that `duration` reads.
    """
    if timeout is None:
        return None
    seconds = duration(timeout) if isinstance(timeout, str) else timeout
    if not isinstance(seconds, int | float) or math.isnan(seconds):
        raise UsageError(f"timeout {timeout}: give a number and a unit, such as 30s, 10m, 8h or 2d")
    return min(float(seconds), _LONGEST)


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    quoted: bool = False

    def is_one_of(self, *words: str) -> bool:
        return not self.quoted and self.text.lower() in words


class _Words:
    """The words of a condition, taken one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[_Word] = []
        end, length = 0, len(text.rstrip())
        while end < length:
            found = _TOKEN.match(text, end)
            if found is None:
                start = end + len(text[end:]) - len(text[end:].lstrip())
                raise self.mistake(_Word("", start, start + 1), "the quote is not closed")
            kind = found.lastindex or 3
            start = found.start(kind) - (kind < 3)
            self.words.append(_Word(found[kind], start, found.end(), kind < 3))
            end = found.end()
        self.at = 0

    def mistake(self, word: _Word | None, what: str, meant: Sequence[str] = ()) -> ConditionError:
        """Return the error that points at a word (None: behind the last), with the nearest right word."""
        end = len(self.text.rstrip())
        word = word or _Word("", end + 1, end + 2)
        near = difflib.get_close_matches(word.text.lower(), meant, n=1, cutoff=0.5) if word.text else []
        return ConditionError(self.text, word.start, word.end, what + (f"; did you mean {near[0]!r}?" if near else ""))

    def take(self, *expected: str) -> _Word:
        """Take the next word, which is one of those expected (any, where none is)."""
        word = self.words[self.at] if self.at < len(self.words) else None
        if word is None or (expected and not word.is_one_of(*expected)):
            raise self.mistake(word, f"write {' or '.join(expected) or 'a number'} here", expected)
        self.at += 1
        return word

    def number(self) -> float:
        word = self.take()
        try:
            number = float(word.text)
        except ValueError:
            raise self.mistake(word, "write a number here, such as 0.9") from None
        if math.isnan(number):
            raise self.mistake(word, "NaN compares as nothing: write COLUMN is nan")
        return number

    def count(self) -> int:
        word = self.take()
        if not re.fullmatch(r"[0-9]{1,18}", word.text) or not int(word.text):
            raise self.mistake(word, "write a whole number from 1 here, such as 20")
        return int(word.text)

    def end(self) -> None:
        if self.at < len(self.words):
            raise self.mistake(self.words[self.at], "the condition ends before this; give a second one by itself")


def _parse(condition: Condition, text: str) -> None:
    """Fill in a condition from its text."""
    words = _Words(text)
    if not words.words:
        raise words.mistake(None, 'the condition is empty: write one such as "val accuracy > 0.9"')
    first = words.words[0]
    if first.is_one_of("silent"):
        words.at = 1
        words.take("for")
        word = words.take()
        condition.silence = duration(word.text)
        if condition.silence is None:
            raise words.mistake(word, "write a duration here, such as 30s, 10m or 8h")
    elif first.is_one_of("finished") and not any(map(_is_operator, words.words)):
        words.at, condition.finished = 1, True
    else:
        _parse_column(condition, words)
    words.end()


def _parse_column(condition: Condition, words: _Words) -> None:
    """Read a column and its test."""
    places = range(len(words.words))
    asks = (at for at in places if words.words[at].is_one_of("is", "no", "rises") or _is_operator(words.words[at]))
    at = next(asks, None)
    if at is None:
        raise _no_question(words)
    name, asked = words.words[:at], words.words[at]
    if len(name) > 1 and name[0].is_one_of("best", "gap"):
        condition._of = name[0].text.lower()
        name = name[1:]
    if not name or (len(name) == 1 and name[0].is_one_of("best", "gap")):
        raise words.mistake(asked, "a column comes before this, such as val accuracy")
    if condition._of and len(name) == 1 and name[0].is_one_of("step"):
        raise words.mistake(name[0], f"a step has no {condition._of}: name a column here, such as val accuracy")
    run = next((word for word in name if ":" in word.text), None)
    if run and condition._of == "gap":
        raise words.mistake(run, "a gap is that of a metric: name one here, such as accuracy")
    condition.column = " ".join(word.text for word in name)
    words.at = at + 1
    steps = not condition._of and len(name) == 1 and name[0].is_one_of("step")
    if (condition._of or steps) and not _is_operator(asked):
        raise words.mistake(asked, f"{condition._of or 'step'} is compared with a number: write > >= < or <= here")
    if _is_operator(asked):
        if asked.text not in _OPERATORS:
            raise words.mistake(
                asked, "write > >= < or <= here", [one for one in _OPERATORS if set(one) == set(asked.text)]
            )
        condition._kind, condition._operator, condition._number = "compare", asked.text, words.number()
        if steps:
            condition._kind, condition.column = "step", ""
    elif asked.is_one_of("is"):
        condition._kind, condition._operator = "is", words.take("nan", "inf").text.lower()
    elif asked.is_one_of("no"):
        words.take("better")
        words.take("for")
        condition._kind, condition._count = "no better", words.count()
        if words.at < len(words.words):
            condition._in_steps = words.take("points", "steps").text.lower() == "steps"
    else:
        words.take("for")
        condition._kind, condition._count = "rises", words.count()
        if words.at < len(words.words):
            words.take("points")


def _is_operator(word: _Word) -> bool:
    return not word.quoted and word.text[:1] in tuple("<>=!")


def _no_question(words: _Words) -> ConditionError:
    """Return the mistake of a condition that asks nothing: a word that was meant so, or the end."""
    for place, word in enumerate(words.words):
        meant = ["is", "no", "rises"] if place else ["silent", "finished"]
        if not word.quoted and difflib.get_close_matches(word.text.lower(), meant, n=1, cutoff=0.6):
            return words.mistake(word, "this is no word of a condition", meant)
    return words.mistake(None, "say what is asked of it: > NUMBER, is nan, no better for N, rises for N")


def last_point(columns: Mapping[str, Points]) -> tuple[int | None, float | None]:
    """Return the step and the wall time of the last point of all columns."""
    last = [(int(one.step[-1]), float(one.wall_time[-1])) for one in columns.values() if len(one.step)]
    return max(last, default=(None, None))
