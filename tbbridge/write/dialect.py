"""The other way to write the numbers of a CSV: as Python's ``csv`` module writes rows of floats.

Loggers that hand their floats to ``csv.writer`` (older viewers' among them) get ``1.0``, ``0.98``, ``1e-05`` and lines
that end in CRLF, where our own text is ``1``, ``0.98``, ``0.00001`` and LF. Both read back to the same numbers. A log
that went through git may have LF for CRLF: the logs that the older viewer published have.
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

DIALECTS = ("plain", "python", "python-lf")
"""``plain``: the shortest text of each number, LF; ``python``: what Python's ``csv`` module makes of floats, CRLF;
``python-lf``: the same with LF."""

_POSITIONAL = (1e-4, 1e16)
"""From the first, below the second, a number has no exponent: `float.__repr__`, and ``str`` of NumPy's scalars."""


def line_end(dialect: str) -> str:
    """What ends a line."""
    return "\r\n" if dialect == "python" else "\n"


def python_texts(values: pa.Array) -> pa.Array:
    """The texts that Python (or NumPy, for float32) gives an array's floats; other arrays as they are.

    Nulls stay nulls. The digits are the shortest of the array's own width.
    """
    if not pa.types.is_floating(values.type):
        return values
    texts = values.cast(pa.string()).to_pylist()
    return pa.array(map(_text, texts, values.to_pylist()), pa.string())


def _text(shortest: str | None, value: float | None) -> str | None:
    if shortest is None or value is None:
        return None
    if value != value or value in (float("inf"), -float("inf")):
        return shortest
    if value == 0 or _POSITIONAL[0] <= abs(value) < _POSITIONAL[1]:
        plain = f"{Decimal(shortest):f}" if "e" in shortest else shortest
        return plain if "." in plain else f"{plain}.0"
    return _scientific(Decimal(shortest))


def _scientific(number: Decimal) -> str:
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    point = "." if text[1:] else ""
    return f"{'-' * sign}{text[0]}{point}{text[1:]}e{int(exponent) + len(digits) - 1:+03d}"
