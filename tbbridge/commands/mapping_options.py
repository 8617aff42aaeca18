"""The user's choices instead of the rules: on the command line, or in a configuration file.

    [tool.tbbridge]                     # pyproject.toml; in tbbridge.toml the same without this line
    metric = ["perplexity=eval/ppl"]
    align = "wall"
    prefer = "step"

    [tool.tbbridge.map]
    "val accuracy" = "eval/top1"

``tbbridge.toml`` lies beside the log directory (never inside it: that is the trainings' own), ``pyproject.toml`` beside
it or in the working directory. The command line beats ``tbbridge.toml``, and that ``pyproject.toml``, entry by entry.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tbbridge.core.errors import PathError, UsageError

if TYPE_CHECKING:
    from tbbridge import MappingOptions

T = TypeVar("T")

ALIGN: Final = ("auto", "step", "epoch", "wall")
PREFER: Final = ("epoch", "step")
KEYS: Final = ("map", "metric", "align", "prefer")
_LARGEST: Final = 1 << 20
"""Bytes of a configuration file that are read: it is small, or it is not one."""


@dataclass(slots=True)
class _Choices:
    """The rules of one source; None or empty where it says nothing."""

    map: list[str] = field(default_factory=list)
    metric: list[str] = field(default_factory=list)
    align: str | None = None
    prefer: str | None = None


def add_mapping_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every command which reads a log directory takes."""
    group = parser.add_argument_group("mapping", "which series feeds which column; see tbbridge inspect LOGDIR")
    group.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=[RUN:]TAG",
        help='the series of one column, globs allowed, such as --map "val accuracy=eval/top1"; an empty tag leaves the '
        "column empty; may be repeated",
    )
    group.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME[=[RUN:]TAG]",
        help="the metric of the first two columns (a second one: of the other two), such as --metric accuracy or "
        '--metric "perplexity=*/ppl"; without it the rules choose',
    )
    group.add_argument(
        "--align",
        choices=ALIGN,
        help="how train and validation are put on one axis where they count different things: on the steps as logged, "
        "by the epoch series, by wall time, or as the series themselves tell (auto, the default)",
    )
    group.add_argument(
        "--prefer",
        choices=PREFER,
        help="which series to take where a metric is logged both by epoch and by step (default: epoch)",
    )
    group.add_argument("--config", metavar="FILE", help="a configuration file instead of the ones that are looked for")
    group.add_argument("--no-config", action="store_true", help="read no configuration file")


def mapping_options(args: argparse.Namespace, logdir: str | os.PathLike[str]) -> MappingOptions:
    """The `MappingOptions` of a command line with the arguments of `add_mapping_arguments`.

    Raises:
        PathError: A configuration file cannot be read.
        UsageError: A configuration file holds something else than it should.
        MappingError: An override or metric is not written as it should be.
    """
    from tbbridge import MappingOptions

    sources = [*_configured(args, logdir), _Choices(args.map, args.metric, args.align, args.prefer)]
    return MappingOptions.of(
        [text for source in sources for text in source.map],
        next((source.metric for source in reversed(sources) if source.metric), []),
        align=next((source.align for source in reversed(sources) if source.align), "auto"),
        prefer=next((source.prefer for source in reversed(sources) if source.prefer), "epoch"),
    )


def _configured(args: argparse.Namespace, logdir: str | os.PathLike[str]) -> Iterator[_Choices]:
    """The configuration files' choices, the weakest first."""
    if args.no_config:
        return
    if args.config:
        path = Path(args.config)
        yield _choices(path)
        return
    beside = Path(os.path.abspath(logdir)).parent
    paths = [beside / "pyproject.toml", beside / "tbbridge.toml"]
    with contextlib.suppress(FileNotFoundError):  # the working directory was deleted
        paths.insert(0, Path.cwd() / "pyproject.toml")
    for path in dict.fromkeys(paths):
        if os.path.isfile(path):  # False, too, where its directory must not be searched
            yield _choices(path)


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode()
        return tomllib.loads(text)
    except OSError as error:
        raise PathError(f"{path}: cannot be read ({error.strerror}); choose another with --config") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not a valid TOML file ({error}); correct it, or give --no-config") from None


def _choices(path: Path) -> _Choices:
    """The choices of a file's own table; of pyproject.toml of the table ``[tool.tbbridge]``."""
    table = _toml(path)
    if path.name == "pyproject.toml":
        tool = table.get("tool", {})
        tool = tool.get("tbbridge", {}) if isinstance(tool, dict) else {}
        table = _of_type(path, "tool.tbbridge", tool, dict, "a table")
    for key in table:
        if key not in KEYS:
            import difflib

            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0)[0]
            raise UsageError(f"{path}: {key!r} is not known; did you mean {near!r}? There are {', '.join(KEYS)}")
    pairs = _of_type(path, "map", table.get("map", {}), dict, "a table of column = tag")
    metric = table.get("metric", [])
    metric = [metric] if isinstance(metric, str) else metric
    if isinstance(metric, dict):
        metric = [f"{name}={_of_type(path, name, tag, str, 'a tag')}" for name, tag in metric.items()]
    return _Choices(
        [f"{column}={_of_type(path, column, tag, str, 'a tag')}" for column, tag in pairs.items()],
        [
            _of_type(path, "metric", one, str, "a list of texts")
            for one in _of_type(path, "metric", metric, list, "a list")
        ],
        _one_of(path, "align", table.get("align"), ALIGN),
        _one_of(path, "prefer", table.get("prefer"), PREFER),
    )


def _of_type(path: Path, key: str, value: Any, kind: type[T], what: str) -> T:
    if not isinstance(value, kind):
        raise UsageError(f"{path}: {key!r} must be {what}")
    return value


def _one_of(path: Path, key: str, value: Any, choices: Sequence[str]) -> str | None:
    if value is not None and value not in choices:
        raise UsageError(f"{path}: {key!r} must be one of {', '.join(choices)}")
    return value if value is None else str(value)
