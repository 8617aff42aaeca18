"""``watch --layout wide``: a column per tag for each experiment, which is at any moment what an export writes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from logs import files_of, write_experiment
from support import running_cli, wait_until

import tbbridge
from tbbridge.cli import main
from tbbridge.following.csv_source import CsvSource
from tbbridge.following.follower import Follower
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher


def follower(logdir: Path, out: Path, *layouts: str, header: bool = True) -> Follower:
    return Follower(logdir, Publisher(out), layouts=layouts, header=header, summary=False, clock=lambda: 0.0)


def exported(logdir: Path, out: Path, *layouts: str, header: bool = True) -> dict[str, bytes]:
    for layout in layouts:
        tbbridge.export(
            logdir,
            f"{out}/",
            layout=layout,
            header=header,
            force=True,
            **({"summary": False} if layout == "compact" else {}),
        )
    return dict(files_of(out))


@pytest.mark.parametrize(
    ("layouts", "header"), [(("compact", "wide"), True), (("compact", "wide"), False), (("wide",), True)]
)
def test_the_wide_table_is_what_an_export_writes_at_every_step(
    tmp_path: Path, layouts: tuple[str, ...], header: bool
) -> None:
    """While tags and runs come, steps repeat, and a tag has a column's name; with the run log beside it, and alone."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    growing = follower(logdir, out, *layouts, header=header)
    for part in ("train", "val"):
        (logdir / "a" / part).mkdir(parents=True)
        with EventWriter(logdir / "a" / part / "events.out.tfevents.1") as writer:
            for step, tag in enumerate(("loss", "step", "z/last", "loss", "a/first", "run", 'x,"y"', "loss")):
                writer.scalar(tag, step % 5, 1e9 + step, step / 3)
                writer.flush()
                growing.finish()
                assert files_of(out) == exported(logdir, tmp_path / "fresh", *layouts, header=header)
    assert set(files_of(out)) == {"a.wide.csv", *(["a.csv"] if "compact" in layouts else [])}


def test_wide_alone_publishes_no_run_log_and_is_removed_with_its_experiment(tmp_path: Path) -> None:
    """An experiment whose name ends in ``.wide`` has its own."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    one = Follower(logdir, Publisher(out), layouts=("wide",), summary=False, prune=True, clock=lambda: 0.0)
    for name in ("a", "a.wide"):
        (logdir / name).mkdir(parents=True)
        with EventWriter(logdir / name / "events.out.tfevents.1") as writer:
            writer.scalar("loss", 0, 1e9, len(name))
    one.finish()
    assert files_of(out) == exported(logdir, tmp_path / "fresh", "wide")
    (logdir / "a.wide" / "events.out.tfevents.1").unlink()
    one.finish()
    assert set(files_of(out)) == {"a.wide.csv"}


def test_what_cannot_be_made_again_is_not_said_to_be(tmp_path: Path) -> None:
    """Of an experiment whose event files are gone an edited run log is written again; its wide table stays as it is."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    one = follower(logdir, out, "compact", "wide")
    write_experiment(logdir, "a")
    one.finish()
    was = files_of(out)
    shutil.rmtree(logdir / "a")
    one.poll()
    for name in was:
        (out / name).write_text("mine")
    one.finish()
    assert files_of(out) == {**was, "a.wide.csv": b"mine"}
    assert one.problems()[-1] == "a: another process changed its file, which was written again"
    assert not [line for line in one.problems() if line.startswith("a.wide")]
    write_experiment(logdir, "a", steps=6)
    one.finish()
    assert files_of(out) == exported(logdir, tmp_path / "fresh", "compact", "wide")


def test_a_run_log_takes_the_name_before_a_wide_table_and_that_is_said(tmp_path: Path) -> None:
    """Experiments ``a`` and ``a.wide`` with both layouts."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    both = follower(logdir, out, "compact", "wide")
    for name in ("a", "a.wide"):
        (logdir / name).mkdir(parents=True)
        with EventWriter(logdir / name / "events.out.tfevents.1") as writer:
            writer.scalar("loss", 0, 1e9, len(name))
    both.finish()
    found, run_logs = files_of(out), exported(logdir, tmp_path / "fresh", "compact")
    assert {name: found[name] for name in run_logs} == run_logs
    assert found.keys() == {"a.csv", "a.wide.csv", "a.wide.wide.csv"}
    assert "a: no wide table is written, since an experiment is called a.wide" in both.problems()


def test_a_page_of_the_directory_passes_wide_tables_over(tmp_path: Path) -> None:
    """They are no run logs, and no fault; a run log that is called so is shown."""
    (tmp_path / "a.csv").write_text("step,train loss\n0,1.5\n")
    (tmp_path / "a.wide.csv").write_text("run,step,loss\na,0,1.5\n")
    (tmp_path / "b.wide.csv").write_text("step,train loss\n0,1.5\n")
    with CsvSource(tmp_path) as source:
        assert (source.names(), source.status()) == (["a", "b.wide"], [])


def test_twelve_thousand_tags_stay_usable(tmp_path: Path) -> None:
    """A table of 12,345 columns and 10 rows takes a second or two of the processor, and then waits for its time."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    logdir.mkdir()
    now = 0.0
    many = Follower(logdir, Publisher(out), layouts=("compact", "wide"), summary=False, clock=lambda: now)
    with EventWriter(logdir / "events.out.tfevents.1") as writer:
        for step in range(10):
            for tag in range(12_345):
                writer.scalar(f"layer{tag}/loss", step, 1e9 + step, tag / (step + 1))
        writer.flush()
        began = time.process_time()
        many.poll()
        many.publish()
        assert time.process_time() - began < 10
        writer.scalar("layer0/loss", 10, 1e9 + 10, 1.0)
        writer.flush()
        before = files_of(out)["logs.wide.csv"]
        many.poll()
        many.publish()
        assert files_of(out)["logs.wide.csv"] == before  # too soon
        now = 1e6
        many.publish()
    assert files_of(out) == exported(logdir, tmp_path / "fresh", "compact", "wide")


def test_the_command_takes_layouts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One or both; any other is refused with those that there are."""
    (tmp_path / "logs").mkdir()
    with EventWriter(tmp_path / "logs" / "events.out.tfevents.1") as writer:
        writer.scalar("loss", 3, 1e9, 0.25)
    with running_cli("watch", tmp_path / "logs", "--no-viewer", "--layout", "wide"):
        wide = tmp_path / "logs-csv" / "logs.wide.csv"
        assert wait_until(lambda: wide.exists() and wide.read_bytes()) == b"run,step,loss\n.,3,0.25\n"
    assert main(["watch", str(tmp_path / "logs"), "--layout", "long"]) == 2
    assert "give compact, wide, or compact,wide" in capsys.readouterr().err
