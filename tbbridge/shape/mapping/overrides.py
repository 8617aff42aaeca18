"""The user's choices instead of the rules: ``--map`` for one column, ``--metric`` for a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from tbbridge.core.errors import MappingError
from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.tags import NO_METRIC, read_tag
from tbbridge.shape.mapping.tokens import quoted, tokenise

_LISTED: Final = 5_000
"""Names that are compared at most to find the nearest: a log directory can hold millions."""
_LONGEST: Final = 200
"""Characters of a name that is compared: the comparison is quadratic, and names are anyone's."""


def _option(name: str, value: str) -> str:
    return f'{name} "{quoted(value, 400)[1:-1]}"'


class Pattern(NamedTuple):
    """``TAG`` or ``RUN:TAG``; globs are allowed, a name that is there exactly is never taken as a glob."""

    text: str

    def is_exactly(self, run: str, tag: str) -> bool:
        """Whether it names this series without any glob."""
        return self.text in (tag, f"{run}:{tag}")

    def matches(self, run: str, tag: str) -> bool:
        """Whether it names this series, as it stands or as a glob (``*`` crosses ``/``)."""
        if self.is_exactly(run, tag) or fnmatchcase(tag, self.text):
            return True
        return ":" in self.text and fnmatchcase(f"{run}:{tag}", self.text)


class Override(NamedTuple):
    """One column's series, chosen by the user; an empty pattern leaves the column empty."""

    column: str
    pattern: Pattern

    @property
    def option(self) -> str:
        """As it is written on the command line."""
        return _option("--map", f"{self.column}={self.pattern.text}")


class Metric(NamedTuple):
    """The metric of one chart: its columns are ``train NAME`` and ``val NAME``."""

    name: str
    kind: str = ""
    """``accuracy``, ``loss`` or a quality's name that the rules know; empty for another metric."""
    pattern: Pattern | None = None
    """The series of another metric; None takes those of the kind, or whose words are the name's."""

    @property
    def option(self) -> str:
        """As it is written on the command line."""
        return _option("--metric", f"{self.name}={self.pattern.text}" if self.pattern else self.name)

    def names(self, run: str, tag: str) -> bool:
        """Whether a series is one of this metric."""
        if self.pattern:
            return self.pattern.matches(run, tag)
        if self.kind:
            return read_tag(tag).metric == self.kind
        reading, wanted = read_tag(tag), {word.text for word in tokenise(self.name)}
        known = reading.metric not in ("accuracy", "loss", NO_METRIC)
        return known and reading.word in wanted and wanted <= set(reading.stem)


ACCURACY: Final = Metric("accuracy", "accuracy")
CROSS_ENTROPY: Final = Metric("cross entropy", "loss")
METRICS: Final = (ACCURACY, CROSS_ENTROPY)
"""The metrics of a classifier's two charts."""
LOSS: Final = Metric("loss", "loss")
"""The second chart's metric beside another metric."""

_NAMED: Final = {name.lower(): name for name in words.QUALITY_NAMES}
_SPELLINGS: Final = {
    "validation": "val",
    "valid": "val",
    "training": "train",
    "acc": "accuracy",
    "loss": "cross entropy",
}


def parse_override(text: str) -> Override:
    """``COLUMN=TAG`` or ``COLUMN=RUN:TAG``.

    Raises:
        MappingError: there is no ``=``, or no column before it.
    """
    column, equals, pattern = text.partition("=")
    if not equals or not column.strip():
        raise MappingError(f'--map {quoted(text)}: write --map "val accuracy=TAG" or --map "val accuracy=RUN:TAG"')
    return Override(" ".join(column.split()), Pattern(pattern.strip()))


def resolve(override: Override, columns: Sequence[str]) -> Override:
    """The override with its column as it stands in `columns`, from any usual spelling (``val loss``, ``Val-Accuracy``).

    Raises:
        MappingError: there is no such column.
    """
    if found := spelled(override.column, columns):
        return override._replace(column=found)
    import difflib

    near = difflib.get_close_matches(_usual(override.column), columns, n=1, cutoff=0.0)
    raise MappingError(f"{override.option}: there is no such column; did you mean {near[0]!r}?")


def spelled(column: str, columns: Sequence[str]) -> str | None:
    """Return the one of `columns` that is meant, from any usual spelling; None where there is none."""
    for wanted in (column.lower(), _words(column), _usual(column)):
        for known in columns:
            if known.lower() == wanted:
                return known
    return None


def _words(column: str) -> str:
    return " ".join(column.replace("_", " ").replace("-", " ").lower().split())


def _usual(column: str) -> str:
    return " ".join(_SPELLINGS.get(word, word) for word in _words(column).split())


def parse_metric(text: str) -> Metric:
    """``NAME=TAG`` (or ``RUN:TAG``), or a name alone.

    Raises:
        MappingError: the name is empty or begins like a column's.
    """
    name, equals, pattern = (part.strip() for part in text.partition("="))
    name = " ".join(name.split())
    if not name or (equals and not pattern) or name.split()[0] in ("train", "val") or not name.isprintable():
        raise MappingError(
            f'--metric {quoted(text)}: write --metric "NAME=TAG", such as --metric "perplexity=eval/ppl"'
        )
    for known in METRICS:
        if not equals and name.lower() in (known.name, known.kind):
            return known
    if equals:
        return Metric(name, "", Pattern(pattern))
    return Metric(name, _NAMED.get(name.lower()) or words.QUALITIES.get(name.lower(), ""))


def chart_metrics(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """The metrics of the two charts, from those that the user named; the rules choose the others.

    Raises:
        MappingError: there are more than two, or two of one name.
    """
    if len(metrics) > 2:
        raise MappingError(f"--metric: there are two charts, and {len(metrics)} metrics are named")
    if [*metrics] in ([ACCURACY], [CROSS_ENTROPY]):
        return METRICS
    if len({metric.name for metric in metrics}) < len(metrics):
        raise MappingError(f"--metric: {metrics[0].name!r} is named twice")
    return tuple(metrics)


def unmatched(
    runs: Mapping[str, Iterable[str]], overrides: Iterable[Override], metrics: Iterable[Metric]
) -> Iterator[str]:
    """A line for each override and metric that names no series there is, with the nearest tags."""
    named = [metric for metric in metrics if metric not in METRICS]
    asked = [override for override in overrides if override.pattern.text]
    series = [(run, tag) for run, tags in runs.items() for tag in tags] if named or asked else []
    for override in asked:
        if not any(override.pattern.matches(*at) for at in series):
            yield f"{override.option}: no tag matches; {_nearest(override.pattern.text, series)}"
    for metric in named:
        if not any(metric.names(*at) for at in series):
            wanted = metric.pattern.text if metric.pattern else metric.name
            yield f"{metric.option}: no tag matches; {_nearest(wanted, series)}"


def _nearest(wanted: str, series: Sequence[tuple[str, str]]) -> str:
    if not series:
        return "no scalar is logged at all"
    names = [tag for tag in dict.fromkeys(tag for _, tag in series) if len(tag) <= _LONGEST][:_LISTED]
    if ":" in wanted:
        names += [name for run, tag in series[:_LISTED] if len(name := f"{run}:{tag}") <= _LONGEST]
    import difflib

    found = difflib.get_close_matches(wanted[:_LONGEST], names, n=3, cutoff=0.5)
    found = (
        found or difflib.get_close_matches(wanted.rpartition(":")[2][:_LONGEST], names, n=3, cutoff=0.3) or names[:3]
    )
    if not found:
        return "no tag is near it"
    return f"the nearest {'is' if len(found) == 1 else 'are'} {', '.join(map(quoted, found))}"
