"""The rows of a real event file by TensorBoard's reader and protobuf's classes, and by our decoder."""

from __future__ import annotations

from pathlib import Path

from decode.protobuf_model import expected
from decode.story import decode
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2

Rows = list[tuple[str, int, float, float]]


def theirs(path: Path) -> Rows:
    """Every scalar as TensorBoard's reader gives it."""
    rows: Rows = []
    foreign: set[bytes] = set()
    for raw in RawEventFileLoader(str(path)).Load():
        event_pb2.Event.FromString(raw)  # it is an Event for the strict class, too
        found = expected(raw, foreign)
        assert found is not None
        foreign = found.foreign
        rows += [(tag.decode(), step, wall_time, value) for tag, step, wall_time, value, _ in found.rows]
    return rows


def ours(path: Path) -> Rows:
    """Every scalar as our decoder gives it, from a file without damage."""
    log = decode(path.read_bytes(), step=10_000)
    assert (log.damage, log.incomplete_tail) == ([], 0)
    columns = log.scalars
    rows = zip(columns.tag, columns.step, columns.wall_time, columns.value, strict=True)
    return [(log.tags[tag], int(step), float(wall_time), float(value)) for tag, step, wall_time, value in rows]
