"""Picks the compiled or the plain twin of the functions between numbers, text and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbbridge.core import settings
from tbbridge.write.number_text import WORDS, Numbers

if TYPE_CHECKING:
    from tbbridge.write._native import parse_rows, rows_text, scalar_records
else:
    _, _twin = settings.twin("write")
    parse_rows, rows_text, scalar_records = _twin.parse_rows, _twin.rows_text, _twin.scalar_records

__all__ = ["number_texts", "parse_rows", "rows_text", "scalar_records"]


def number_texts(values: Numbers) -> list[str]:
    """Return each number's text."""
    return rows_text([b""], [values], [None], b"\n", WORDS).decode().splitlines()
