"""One line per experiment from a published directory, by its ``summary.csv``: no event file is read."""

from __future__ import annotations

import contextlib
import csv
import math
import os
import time
from collections.abc import Iterator, Mapping

from tbbridge.core.errors import FormatError, PathError
from tbbridge.watching.terminal import ago
from tbbridge.write.names import SUMMARY, file_name

_LARGEST = 1 << 28
"""Bytes of a summary: a million experiments."""


def status_lines(out: str | os.PathLike[str]) -> Iterator[str]:
    """Yield a line per experiment: its last step, its last values, and when its last point was logged.

    Args:
        out: the directory that ``tbbridge watch`` or ``export`` publishes into.

    Raises:
        PathError: there is no summary, or it cannot be read.
        FormatError: it is no summary.
    """
    if not os.fspath(out):
        raise PathError("the directory has no name: give the one that tbbridge watch or export publishes into")
    path = os.path.join(out, file_name(SUMMARY))
    csv.field_size_limit(_LARGEST)
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # to open a FIFO waits
            raise FormatError(f"{path} is no summary of tbbridge: it is no regular file")
        if os.path.getsize(path) > _LARGEST:
            raise FormatError(f"{path} is too large for a summary: tbbridge watch and export write it")
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if "experiment" not in (rows.fieldnames or []):
                raise FormatError(f"{path} is no summary of tbbridge: its first line has no column experiment")
            yield from map(_line, rows)
    except OSError as error:
        raise PathError(
            f"cannot read {path}: {error.strerror}; give the directory that tbbridge watch or export publishes into"
        ) from None
    except csv.Error as error:
        raise FormatError(f"{path} is no summary of tbbridge: {error}") from None


def _line(row: Mapping[str, str | None]) -> str:
    step = row.get("last step")
    parts = [f"step {step}" if step else "no data yet"]
    lasts = [name for name in row if name and name.startswith("last ") and f"{name} step" in row]
    parts += [f"{name.removeprefix('last ')} {row[name]}" for name in lasts if row[name]]
    with contextlib.suppress(ValueError, OverflowError):  # a wall time that is none
        age = time.time() - float(row.get("last wall time") or "nan")
        parts += [f"last point {ago(age)}"] if math.isfinite(age) else []
    counts = [(row[name], name) for name in ("restarts", "damage") if row.get(name, "0") not in ("0", "", None)]
    parts += [f"{count} {name.removesuffix('s') if count == '1' else name}" for count, name in counts]
    return f"{row['experiment']}: {', '.join(parts)}"
