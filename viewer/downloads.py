"""What one may take away: the shown run logs as CSV."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

from dash import dcc, no_update

from tbbridge import Source


def file_stem(name: str) -> str:
    """A name that any file system takes: what is not a letter, a digit, ``.``, ``-`` or ``_`` becomes ``_``."""
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:100] or "run"


def csv(source: Source, names: Sequence[str]) -> Any:
    """The run log of one experiment, or a zip of several, for ``dcc.Download``."""
    found = [(name, data) for name in names if isinstance(name, str) and (data := source.csv(name)) is not None]
    if not found:
        return no_update
    if len(found) == 1:
        name, data = found[0]
        return dcc.send_bytes(data, f"{file_stem(name)}.csv", type="text/csv")
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(found, 1):
            archive.writestr(f"{number:02d}-{file_stem(name)}.csv", data)
    return dcc.send_bytes(box.getvalue(), "run-logs.zip", type="application/zip")
