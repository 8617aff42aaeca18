"""Picks the compiled or the plain twin of what turns numbers into text, text into numbers, and both into events."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tbbridge.core import settings
from tbbridge.write.number_text import WORDS, Numbers, Words


def _twin() -> Any:
    if settings.DECODER != "plain":
        try:
            return import_module("tbbridge.write._native")
        except ImportError:
            if settings.DECODER == "compiled":
                raise
    return import_module("tbbridge.write._plain")


if TYPE_CHECKING:
    from tbbridge.write._native import parse_rows, rows_text, scalar_records
else:
    _native = _twin()
    parse_rows, rows_text, scalar_records = _native.parse_rows, _native.rows_text, _native.scalar_records

__all__ = ["number_texts", "parse_rows", "rows_text", "scalar_records"]


def number_texts(values: Numbers, words: Words = WORDS) -> list[str]:
    """Return each number's text."""
    return rows_text([b""], [values], [None], b"\n", words).decode().splitlines()
