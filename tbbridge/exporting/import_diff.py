"""Whether the bytes of a run log come back from its event files, and if not, what differs.

Event files hold numbers, not their texts: ``1.0`` and ``1`` are the same to them. An export writes them in one of two
dialects (`tbbridge.write.csv_text`), with a header or without.
"""

from __future__ import annotations

from collections.abc import Iterator

from tbbridge.core.model import RunLog
from tbbridge.reading.wide import log_cells
from tbbridge.write.csv_text import DIALECTS, CsvOptions, csv_chunks
from tbbridge.write.table import RowGroup, Table

_MARK = "\ufeff"
_AROUND = ' \t"'


def way_back(data: bytes, log: RunLog) -> str:
    """Return a message: how an export of the imported `log` writes `data` again; empty where it just does.

    data: the run log's file.
    log: its content.
    """
    for dialect in DIALECTS:
        for header in (True, False):
            if _text(log, dialect, header=header) == data:
                return _command(dialect, header) + " gives the same bytes back" if (dialect, header) != _DEFAULT else ""
    text = data.decode(errors="replace")
    found = {dialect: _changes(text, log, dialect) for dialect in DIALECTS}
    dialect = min(DIALECTS, key=lambda one: (len(found[one][0]), ("\r\n" in text) != (one == "python")))
    reworded, replaced = found[dialect]
    told = _told(text, log, reworded, replaced)
    return f"{_command(dialect)} gives the same values in other bytes: {told}" if told else ""


_DEFAULT = ("plain", True)


def _text(log: RunLog, dialect: str, *, header: bool) -> bytes:
    cells = log_cells(log)
    table = Table((), tuple(cells), [RowGroup((), cells)])
    return b"".join(csv_chunks(table, CsvOptions(header=header, dialect=dialect)))


def _command(dialect: str, header: bool = True) -> str:
    options = "" if header else " --no-header"
    return f"`tbbridge export{options}`" if dialect == "plain" else f"`tbbridge export{options} --dialect {dialect}`"


def _changes(text: str, log: RunLog, dialect: str) -> tuple[list[str], int]:
    """The cells of `text` that are written otherwise, as ``theirs for ours``; how many gave way to a later row's."""
    reworded, replaced = [], 0
    for cell, now in _pairs(text, _text(log, dialect, header=True).decode()):
        if cell and cell != now:
            if now and _same(cell, now):
                reworded.append(f"{cell} for {now}")
            else:
                replaced += 1
    return reworded, replaced


def _same(one: str, other: str) -> bool:
    a, b = float(one), float(other)
    return a == b or (a != a and b != b)


def _pairs(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    """Each cell of their text with our text of the same column and step."""
    columns, *rows = _rows(ours)
    kept = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    names = columns
    for row in _rows(theirs):
        if row[0].lower() == "step":
            names = row
        elif (step := _whole(row[0])) in kept:
            yield from zip(row[1:], (kept[step][name] for name in names[1:]), strict=False)


def _rows(text: str) -> list[list[str]]:
    lines = text.removeprefix(_MARK).splitlines()
    return [[cell.strip(_AROUND) for cell in line.split(",")] for line in lines if line.strip()]


def _whole(step: str) -> str:
    try:
        return str(int(step) if step.lstrip("+-").isdigit() else int(float(step)))
    except (ValueError, OverflowError):  # of a last line that is being written
        return ""


def _told(text: str, log: RunLog, reworded: list[str], replaced: int) -> str:
    found = [f"{len(reworded)} numbers are written otherwise ({reworded[0]})"] if reworded else []
    if replaced:
        found.append(f"{replaced} numbers gave way to a later row of the same step")
    header = _rows(text)[0]
    if header[0].lower() == "step" and header != ["step", *log.columns]:
        found.append("its header is another")
    if "\r" in text:
        found.append("its lines end in CRLF" if "\r\n" in text else "its lines end in CR")
    if text.startswith(_MARK):
        found.append("it begins with a byte order mark")
    if not found and all(any(row[1:]) for row in _rows(text)):  # of rows without a value the import tells
        found.append("its lines are ordered, quoted, ended or blank otherwise")
    return ", ".join(found)
