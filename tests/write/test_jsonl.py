"""JSON lines."""

from __future__ import annotations

import json

import numpy as np
from small_tables import cells, float32, long, unlabelled

from tbbridge.write.jsonl import jsonl_chunks
from tbbridge.write.table import RowGroup, Table


def lines(table: Table) -> list[str]:
    return b"".join(jsonl_chunks(table)).decode().splitlines()


def test_a_row_is_an_object() -> None:
    """Keys in the table's order, numbers as their shortest text."""
    assert lines(long(('r"', "t", float32(0.1)))) == [
        '{"run":"r\\"","tag":"t","step":0,"wall_time":1700000000.0,"value":0.1}'
    ]


def test_what_json_cannot_say_is_a_string_and_an_empty_cell_is_null() -> None:
    """Every line is strict JSON; float() reads the special values back."""
    column = cells([float("nan"), float("inf"), float("-inf"), None, 1.5], np.float32)
    table = unlabelled({"step": cells([0, 1, 2, 3, 4], np.int64), "loss": column})
    rows = [json.loads(line, parse_constant=lambda word: f"not strict: {word}") for line in lines(table)]
    assert [row["loss"] for row in rows] == ["NaN", "Infinity", "-Infinity", None, 1.5]
    assert float(rows[1]["loss"]) == float("inf")


def test_every_row_has_every_key() -> None:
    """A column that one experiment lacks, or that begins late, is there from the first line on."""
    groups = [RowGroup(("a",), {"x": cells([1.0])}), RowGroup(("b",), {"x": cells([2.0]), "y": cells([3.0])})]
    assert lines(Table(("run",), ("x", "y"), groups)) == ['{"run":"a","x":1.0,"y":null}', '{"run":"b","x":2.0,"y":3.0}']


def test_hostile_names_stay_on_their_line() -> None:
    """Line ends and control characters in names are escaped."""
    assert json.loads(lines(long(("a\nb\x00", "</script>", float32(1))))[0])["run"] == "a\nb\x00"


def test_an_empty_table_is_an_empty_file() -> None:
    """No rows, no lines."""
    assert lines(long()) == []
