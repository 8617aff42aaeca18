"""EventWriter's files are read by TensorBoard's own reader, and by ours, as what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from decode.story import decode
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2
from tensorboard.util import tensor_util

from tbbridge.core.model import Start
from tbbridge.write.events import DTYPES, EventWriter, event


def theirs(path: Path) -> list[event_pb2.Event]:
    """The events of a file by TensorBoard's reader and classes."""
    return [event_pb2.Event.FromString(raw) for raw in RawEventFileLoader(str(path)).Load()]


def test_scalars_are_read_by_tensorboard(tmp_path: Path) -> None:
    """File version, steps, wall times, tags and values come back, extreme ones too."""
    path = tmp_path / "events.out.tfevents.1"
    rows = [("loss", 0, 1.5, 0.25), ("Ω/é", -(2**63), -1.0, float("inf")), ("", 2**63 - 1, 0.0, 1e-42)]
    with EventWriter(path, wall_time=7.0) as writer:
        for row in rows:
            writer.scalar(*row)
    version, *events = theirs(path)
    assert (version.file_version, version.wall_time) == ("brain.Event:2", 7.0)
    read = [(e.summary.value[0].tag, e.step, e.wall_time, e.summary.value[0].simple_value) for e in events]
    assert read == [(*row[:3], pytest.approx(row[3], rel=1e-3)) for row in rows]
    assert decode(path.read_bytes()).scalars.step.tolist() == [row[1] for row in rows]


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_are_read_by_tensorboard(tmp_path: Path, dtype: str) -> None:
    """A one-element tensor of each dtype comes back, by their reader (which fails on bfloat16) and by ours."""
    path = tmp_path / "tfevents"
    with EventWriter(path, file_version=False) as writer:
        writer.tensor("x", 3, 1.0, 1.0, dtype, shape=(1,))
    (read,) = theirs(path)
    value = read.summary.value[0]
    assert value.metadata.plugin_data.plugin_name == "scalars"
    if dtype != "bfloat16":
        assert tensor_util.make_ndarray(value.tensor).tolist() == [1]
    assert decode(path.read_bytes()).scalars.value.tolist() == [1.0]


def test_starts_and_raw_events(tmp_path: Path) -> None:
    """A restart and an event of one's own are written as they are; the file is complete once flushed."""
    path = tmp_path / "tfevents"
    with EventWriter(path, file_version=False) as writer:
        writer.start(5, 2.0)
        writer.event(event(9, 3.0))
        writer.flush()
        start, other = theirs(path)
    assert (start.session_log.status, start.step, other.step) == (event_pb2.SessionLog.START, 5, 9)
    assert decode(path.read_bytes()).starts == [Start(0, 5, True, 2.0)]
