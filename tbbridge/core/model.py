"""The words of tbbridge, as data.

    event file --decode--> EventFile --shape/series--> Series --shape/mapping--> Experiment --shape/table--> RunLog

A *run* is a directory that holds event files; its name is its path below the log directory, ``.`` for the log directory
itself (TensorBoard's own meaning). An *experiment* is the runs that belong to one training. Steps are int64, wall times
float64 seconds since the epoch, values float32 where the writer wrote float32 or narrower, else float64.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:  # a check of checksums does not wait for NumPy's import
    import numpy as np
    from numpy.typing import NDArray

Int64: TypeAlias = "NDArray[np.int64]"
UInt32: TypeAlias = "NDArray[np.uint32]"
Float64: TypeAlias = "NDArray[np.float64]"
Floats: TypeAlias = "NDArray[np.floating[Any]]"
Bools: TypeAlias = "NDArray[np.bool_]"
HParam = float | bool | str
"""The value of a hyperparameter."""
Cell: TypeAlias = "float | np.floating[Any] | int | bool | str | None"
"""A cell of the summary; None where it is empty."""

JSON_VERSION = 1
"""The version of what commands print as JSON, as ``commands/schema.json`` describes it."""

COLUMNS = ("train accuracy", "val accuracy", "train cross entropy", "val cross entropy")
"""The value columns of a classifier's run log, in their order in the file."""


@dataclass(frozen=True, slots=True)
class Damage:
    """The byte range ``[start, end)`` of an event file that could not be used, and why."""

    start: int
    end: int
    reason: str
    step: int | None = field(default=None, compare=False)
    """The step of the first intact scalar behind it; None where there is none yet."""


@dataclass(slots=True)
class Scalars:
    """Scalars of one event file in the order of its bytes, as parallel columns of one length."""

    tag: NDArray[np.int32]
    """Index into `EventFile.tags`."""
    step: Int64
    wall_time: Float64
    value: Floats
    """float32 when every value here was written as float32 or narrower, else float64."""


class Start(NamedTuple):
    """A ``SessionLog.START`` event: an announced restart (torch's ``purge_step``)."""

    before: int
    """The number of scalars of the same file before it."""
    step: int
    first: bool
    """True when no other event (a file version apart) comes before it in its file."""
    wall_time: float = math.inf
    """Seconds since the epoch; infinite where the record holds no finite one."""


@dataclass(slots=True)
class Domain:
    """The domain of a hyperparameter, as the experiment's record says."""

    kind: type | None = None
    low: float = -math.inf
    high: float = math.inf
    values: list[HParam] = field(default_factory=list)
    """Empty where any value is allowed."""

    def allows(self, value: HParam) -> bool:
        """Whether `value` has the type that is asked for, and lies inside."""
        if self.kind is not None and type(value) is not self.kind:
            return False
        bounded = (self.low, self.high) != (-math.inf, math.inf)
        if type(value) is float and bounded and not self.low <= value <= self.high:
            return False
        return not self.values or any(type(one) is type(value) and one == value for one in self.values)


class SessionEnd(NamedTuple):
    """The end of a hyperparameter session, by its own record."""

    status: str
    """``finished`` or ``failed``."""
    wall_time: float
    """Of the record, in seconds since the epoch."""


@dataclass(slots=True)
class EventFile:
    """The content of one event file, as far as it has been decoded."""

    name: str
    """Path below the log directory, with ``/``."""
    scalars: Scalars
    tags: list[str] = field(default_factory=list)
    """Distinct tags in order of appearance; a byte that is not UTF-8 is written as the four characters ``\\xNN``."""
    doubles: set[int] = field(default_factory=set)
    """Indices into `tags` of the tags with a value written wider than float32. `scalars.value` is float64 when
    there is one; the other tags' values are then float32 values, widened. Empty beside float64 values: nothing is
    known, all are double."""
    first_wall_time: float = float("nan")
    """Wall time of the file's first intact record, in seconds since the epoch; NaN when there is none."""
    starts: list[Start] = field(default_factory=list)
    hparams: bool = False
    """It holds a record of the hparams plugin, such as a hyperparameter session."""
    hparam_values: dict[str, HParam] = field(default_factory=dict)
    """The hyperparameters of its last session; in a `Reading` one that its domain does not allow is its text."""
    hparam_domains: dict[str, Domain] = field(default_factory=dict)
    """Their domains, in its own run and in those below it."""
    session_end: SessionEnd | None = None
    """The end of its session; None while nothing says so."""
    records: int = 0
    """Intact records: both checksums right (that of a large record's data, which cannot hold a scalar, is not read)."""
    damage: list[Damage] = field(default_factory=list)
    incomplete_tail: int = 0
    """Bytes of an unfinished record at the end: normal while a training writes."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Values of intact records that are no scalars we can read exactly, counted by reason (images are not counted)."""
    size: int = 0
    """Bytes of the file that have been seen."""
    taken: int = 0
    """Scalars before those of `scalars`, which were handed out before and are not kept here."""
    headless: bool = False
    """It does not begin with a file version, as event files do."""
    foreign: str = ""
    """The kind of a file that is no event file, such as text; it has no damage then."""


@dataclass(frozen=True, slots=True)
class Series:
    """All points of one tag in one run, in canonical order (see docs/promise.md)."""

    step: Int64
    wall_time: Float64
    value: Floats
    superseded: Bools
    """True where a restart or a later point of the same step took the point's place."""
    ordinal: bool = False
    """True when the writer passed no step and the ordinal is the step (rule 5)."""
    repeats: int = 0
    """The number of superseded points that gave way to a later value of the same step (rule 4)."""

    def at(self, which: Bools) -> Series:
        """The points where the mask is True; of those that gave way at most as many as are among them."""
        kept = self.superseded[which]
        repeats = min(self.repeats, int(kept.sum()))
        return Series(self.step[which], self.wall_time[which], self.value[which], kept, self.ordinal, repeats)


class Points(NamedTuple):
    """The points of one column of a run log: by step ascending, each step once."""

    step: Int64
    wall_time: Float64
    value: Floats

    def at(self, which: NDArray[Any] | slice) -> Points:
        """The points at these places, or of this mask or slice."""
        return Points(self.step[which], self.wall_time[which], self.value[which])


class Feed(NamedTuple):
    """The series that feeds a column, and the rule that chose it."""

    run: str
    tag: str
    rule: str
    """The rule that fired, such as ``R4: the tag says val``."""
    note: str = ""
    """The alternatives, where it was a judgement call."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """The runs of one training and how their series feed the columns of its run log."""

    name: str
    runs: tuple[str, ...]
    feeds: Mapping[str, Feed | None]
    """By column name, in the order of the run log: ``train M``, ``val M``, ``train L``, ``val L``, where M is the main
    metric (an accuracy where one is logged: `COLUMNS`) and L the loss."""
    notes: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, str, str], ...] = ()
    """(run, tag, why) of the series that look like a metric and feed no column."""


@dataclass(slots=True)
class RunLog:
    """The compact table of one experiment: one row a step, ascending, outer join of its columns on step."""

    name: str
    step: Int64
    columns: dict[str, Floats]
    """By column name, each of the length of `step`."""
    logged: dict[str, Bools]
    """By column name: False where the cell is empty (a NaN that was logged is a value)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to show discreetly on a chart: a restart, damage, a condition that is fulfilled."""

    kind: str
    """``restart``, ``damage`` or ``condition`` (that is fulfilled)."""
    step: int | None
    text: str


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """One experiment as a viewer sees it: a consistent snapshot, cheap to take (arrays are views)."""

    name: str
    generation: int
    """Grows when the past changed; inside one generation every column only gets points appended at its end."""
    columns: Mapping[str, Points]
    """The run log's columns, in order; empty columns are there with no points."""
    extra: Mapping[str, Mapping[str, Points]] = field(default_factory=dict)
    """Further charts: title -> trace name -> points. Of a log directory every series, looked up when asked for."""
    marks: Sequence[Mark] = ()
    notes: Sequence[str] = ()
    summary: Mapping[str, Cell] = field(default_factory=dict)
    """The experiment's row of the summary, by column; computed when it is first looked at."""
    ended: str = ""
    """``finished`` or ``failed`` where its hyperparameter session says so."""
    last_write: float | None = None
    """When the newest event file byte was seen, seconds since the epoch by this machine's clock; None for a CSV."""
    state: str = "live"
    """``live``, ``stalled``, ``finished``, ``failed``, ``source gone``, ``stopped: <reason>`` or ``static``."""
    rewritten: int = 0
    """Grows when older points of `extra` changed."""
    lost: Sequence[str] = ()
    """The notes that tell of data that could not be used."""


class Source(Protocol):
    """The data that a viewer draws: the live bridge's tables in memory, or files. Safe to call from any thread."""

    title: str
    tensorboard_url: str | None

    def names(self) -> list[str]:
        """The experiments, in natural order."""

    def view(self, name: str) -> ExperimentView | None:
        """The named experiment now; None when there is no such experiment."""

    def csv(self, name: str) -> bytes | None:
        """The named experiment's run log as CSV bytes."""

    def status(self) -> Sequence[str]:
        """Messages, such as ``waiting for logs/``, ``the follower stopped``; empty when all is well."""

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` (quick, from any thread) after every change; returns the function that ends it."""
