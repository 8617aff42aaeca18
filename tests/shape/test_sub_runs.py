"""A session start holds for the runs that add_scalars makes below its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbbridge.core.model import Series
from tbbridge.following.follower import Follower
from tbbridge.reading import by_run
from tbbridge.reading.reading import read
from tbbridge.shape.series import live
from tbbridge.write.events import EventWriter
from tbbridge.write.parallel import ordered_map
from tbbridge.write.publish import Publisher
from tbbridge.write.run_log_csv import run_log_csv


def write_life(run: Path, begin: float, steps: range, *, below: str, purge: int | None = None) -> None:
    """As a SummaryWriter writes: its own file, and in add_scalars' directory another one, which no START reaches."""
    own, sub = run / f"events.out.tfevents.{begin:.0f}.host", run / below / f"events.out.tfevents.{begin:.0f}.host"
    for path in (own, sub):
        path.parent.mkdir(parents=True, exist_ok=True)
    with EventWriter(own, wall_time=begin) as writer, EventWriter(sub, wall_time=begin + 0.5) as added:
        if purge is not None:
            writer.start(purge, begin + 0.1)
        for step in steps:
            writer.scalar("lr", step, begin + 1 + step, step)
            if purge is None or step > purge:  # the sub-run is not written at the step of the purge
                added.scalar("loss", step, begin + 1 + step, begin + step)


def points(series: Series) -> list[tuple[int, float]]:
    found = live(series)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


@pytest.mark.parametrize("below", ["loss_train", "loss/train"])  # as torch and as tensorboardX name it
@pytest.mark.parametrize("run", [".", "exp/one"])
def test_a_start_holds_for_what_add_scalars_logged(tmp_path: Path, run: str, below: str) -> None:
    """Resumed at step 5, logged again from 6 on: the sub-run's old step 5 goes with those of its run."""
    logs = tmp_path / "logs"
    write_life(logs / run, 0.0, range(10), below=below)
    write_life(logs / run, 100.0, range(5, 8), below=below, purge=5)
    added = below if run == "." else f"{run}/{below}"
    for found in (read(logs), by_run.read_by_run(logs, ordered_map)):
        assert live(found.runs[run]["lr"]).step.tolist() == list(range(8))
        assert points(found.runs[added]["loss"]) == [*((step, step) for step in range(5)), (6, 106), (7, 107)]
        assert [restart[1:3] for restart in found.restarts[run]] == [(5, True)]
        assert [restart[1:3] for restart in found.restarts[added]] == [(6, False)]


def test_a_start_leaves_a_run_alone_that_only_looks_like_a_sub_run(tmp_path: Path) -> None:
    """Two tags are not what add_scalars writes: the run below has a life of its own."""
    logs = tmp_path / "logs"
    write_life(logs, 0.0, range(10), below="loss_train")
    with EventWriter(logs / "loss_train" / "events.out.tfevents.1.host", wall_time=1.0) as writer:
        writer.scalar("other", 0, 1.0, 0.0)
    write_life(logs, 100.0, range(5, 5), below="loss_val", purge=5)
    assert len(points(read(logs).runs["loss_train"]["loss"])) == 10


def test_a_start_is_followed_into_the_sub_runs(tmp_path: Path) -> None:
    """The run log that is published when the START comes, or before it, is what export would write."""
    logs = tmp_path / "logs"
    write_life(logs, 0.0, range(10), below="loss_train")
    with Publisher(tmp_path / "out", keep_out=logs) as publisher:
        follower = Follower(logs, publisher)
        follower.finish()
        write_life(logs, 100.0, range(5, 5), below="loss_train", purge=5)
        follower.finish()
        reading = read(logs)
        (one,) = reading.experiments
        assert reading.table(one).step.tolist() == [0, 1, 2, 3, 4]
        assert (tmp_path / "out" / "logs.csv").read_bytes() == run_log_csv(reading.table(one))
