"""The contract of both twins, `_native` (compiled) and `_plain`: same arguments and results."""

from collections.abc import Sequence

from tbbridge.core.model import Bools, Float64, Floats, Int64
from tbbridge.write.number_text import Numbers, ParsedRows, Words

def rows_text(
    leads: Sequence[bytes], columns: Sequence[Numbers], logged: Sequence[Bools | None], end: bytes, words: Words
) -> bytes:
    """Return rows of numbers as text; the compiled twin releases the GIL while it writes.

    Args:
        leads: per column, the bytes before each of its cells.
        columns: contiguous arrays of shape (rows,), float32, float64, int64 or bool.
        logged: per column, False where a cell is empty; None where none is.
        end: the bytes behind the last cell of a row.
        words: the texts of what is not a finite number.

    A float is written with the shortest digits that read back to the same number of its width, as ``repr`` lays out a
    float: ``1.0``, ``0.1``, ``1e-07``, ``1e+20``. An integer has no point.
    """

def parse_rows(body: bytes, width: int) -> ParsedRows | None:
    """Return rows of numbers, the first of each a step; None where any cell or row is not plain.

    A step is plain when ``int`` reads it and it fits into 64 bits, another cell when it is empty or ``float`` reads it,
    both without blanks and underscores. Lines end in LF, CRLF or CR; empty ones are skipped.

    Args:
        body: the lines.
        width: cells per row, at least 1.
    """

def scalar_records(
    steps: Int64, wall_times: Float64, heads: Sequence[bytes], values: Sequence[Floats], logged: Sequence[Bools]
) -> bytes:
    """Return TFRecords of Events with one scalar each, row by row and series by series.

    Args:
        steps: shape (rows,), as all other arrays.
        wall_times: seconds since the epoch.
        heads: per series, what precedes the number in the encoded ``Value`` (`tbbridge.write.events`); at most 16.
        values: per series, contiguous float32 or float64: the number's 4 or 8 bytes end the ``Value``.
        logged: per series, contiguous: False where there is no event.
    """
