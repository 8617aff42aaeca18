"""JSON lines."""

from __future__ import annotations

import json

import pyarrow as pa
from sheets import float32, long

from tbbridge.write.block import Block, Sheet
from tbbridge.write.jsonl import jsonl_chunks


def lines(sheet: Sheet) -> list[str]:
    return b"".join(jsonl_chunks(sheet)).decode().splitlines()


def test_a_row_is_an_object() -> None:
    """Keys in the sheet's order, numbers as their shortest text."""
    assert lines(long(('r"', "t", float32(0.1)))) == [
        '{"run":"r\\"","tag":"t","step":0,"wall_time":1.7e+9,"value":0.1}'.replace("1.7e+9", "1700000000")
    ]


def test_what_json_cannot_say_is_a_string_and_an_empty_cell_no_key() -> None:
    """Every line is strict JSON; float() reads the special values back."""
    column = pa.array([float("nan"), float("inf"), float("-inf"), None, 1.5], pa.float32())
    sheet = Sheet((), ("step", "loss"), [Block((), {"step": pa.array(range(5)), "loss": column})])
    rows = [json.loads(line, parse_constant=lambda word: f"not strict: {word}") for line in lines(sheet)]
    assert [row.get("loss") for row in rows] == ["NaN", "Infinity", "-Infinity", None, 1.5]
    assert float(rows[1]["loss"]) == float("inf")
    assert "loss" not in rows[3]


def test_hostile_names_stay_on_their_line() -> None:
    """Line ends and control characters in names are escaped."""
    assert json.loads(lines(long(("a\nb\x00", "</script>", float32(1))))[0])["run"] == "a\nb\x00"


def test_an_empty_sheet_is_an_empty_file() -> None:
    """No rows, no lines."""
    assert lines(long()) == []
