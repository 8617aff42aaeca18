"""The live bridge: what it publishes, what a viewer sees of it, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import wait_until

import tbbridge
from tbbridge.core.model import Points
from tbbridge.following import bridge as hall
from tbbridge.following.bridge import Bridge
from tbbridge.following.csv_source import CsvSource
from tbbridge.following.silence import QUIET, quiet_note
from tbbridge.following.updates import Update
from tbbridge.tail.watch import Watcher
from tbbridge.write.events import EventWriter

TENSORBOARDX = "a/events.out.tfevents.1700000000.host"
HEADER = "step,train accuracy,val accuracy,train cross entropy,val cross entropy\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def _every_thread_ends() -> Iterator[None]:
    """A closed bridge leaves no thread behind."""
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("tbbridge")] == []


def writer(logs: Path, run: str = "exp", number: int = 1, wall: float = 1000.0) -> EventWriter:
    (logs / run).mkdir(parents=True, exist_ok=True)
    return EventWriter(logs / run / f"events.out.tfevents.{number}", wall_time=wall)


def log(events: EventWriter, *steps: int, tag: str = "loss") -> None:
    for step in steps:
        events.scalar(tag, step, 1000.0 + step, step / 2)
    events.flush()


def text(path: Path) -> str:
    """A file's text; "" while it is not there."""
    return path.read_text() if path.exists() else ""


def same_as_export(bridge: Bridge, logs: Path, tmp_path: Path) -> bool:
    """Whether what is published equals a fresh export."""
    fresh = tmp_path / f"fresh{time.monotonic_ns()}"
    paths = tbbridge.export(logs, fresh)
    return all((bridge.out / path.relative_to(fresh)).read_bytes() == path.read_bytes() for path in paths)


def test_points_arrive_in_the_run_log_and_in_the_view(logs: Path) -> None:
    """A writer's flush is enough: the CSV is replaced, the view grows within its generation, subscribers are called."""
    told = threading.Event()
    with writer(logs) as events, Bridge(logs) as bridge:
        bridge.subscribe(told.set)
        log(events, 0, 1)
        path = bridge.out / "exp.csv"
        wait_until(lambda: text(path) == HEADER + "0,,,0.0,\n1,,,0.5,\n")
        before = bridge.view("exp")
        told.clear()
        log(events, 2)
        assert told.wait(5)
        wait_until(lambda: text(path).endswith("2,,,1.0,\n"))
        after = bridge.view("exp")
    assert before is not None
    assert after is not None
    assert before.generation == after.generation
    assert after.columns["train cross entropy"].step.tolist() == [0, 1, 2]
    assert before.columns["train cross entropy"].step.tolist() == [0, 1]
    assert after.state == "live"
    assert after.last_write is not None
    assert abs(after.last_write - time.time()) < 60


def test_experiments_are_told_before_they_are_published(logs: Path) -> None:
    """There may be thousands: an open page lists them while their run logs are written."""
    told: list[tuple[list[str], bool]] = []
    with writer(logs) as events:
        log(events, 0)
    bridge = Bridge(logs)
    bridge.subscribe(lambda: told.append((bridge.names(), (bridge.out / "exp.csv").exists())))
    with bridge:
        assert bridge.wait_until_read(30)
    assert told[0] == (["exp"], False)


def test_the_last_state_is_published_at_the_end(logs: Path, tmp_path: Path) -> None:
    """Whatever was written before `close` is in the run log, however soon after the last publish."""
    with writer(logs) as events, Bridge(logs, poll_interval=60, notify=False) as bridge:
        bridge.wait_until_read(5)
        log(events, *range(500))
        bridge.close()
        assert same_as_export(bridge, logs, tmp_path)


def test_a_directory_without_event_files_says_what_to_do(logs: Path) -> None:
    """Whether it is empty or holds CSVs, until the first event file is there."""
    with Bridge(logs, poll_interval=0.1) as bridge:
        waiting = f"waiting for event files: {logs} holds none yet; is it the directory that the training writes into?"
        wait_until(lambda: bridge.status() == [waiting])
        (logs / "exp.csv").touch()
        csvs = (
            f"{logs} holds no event files, but CSV files: tbbridge view shows run logs; watch takes the log directory"
        )
        wait_until(lambda: bridge.status() == [csvs])
        with writer(logs) as events:
            log(events, 0)
        wait_until(lambda: bridge.status() == [])


def test_the_log_directory_may_come_later_and_go_and_come_back(tmp_path: Path) -> None:
    """While it is missing a line says so; its run logs stay; when it is back it is followed again."""
    logs = tmp_path / "later/logs"
    with Bridge(logs) as bridge:
        wait_until(lambda: bridge.status() == [f"waiting for {logs}: it does not exist yet"])
        with writer(logs) as events:
            log(events, 0, 1)
        path = bridge.out / "exp.csv"
        wait_until(path.exists)
        wait_until(lambda: bridge.status() == [])
        shutil.rmtree(logs)
        wait_until(lambda: bridge.view("exp").state == "source gone")  # type: ignore[union-attr]
        assert path.exists()
        with writer(logs) as events:
            log(events, 5)
        wait_until(lambda: text(path) == HEADER + "5,,,2.5,\n")
        assert bridge.view("exp").state == "live"  # type: ignore[union-attr]


@pytest.mark.parametrize("notify", [True, False])
def test_new_runs_and_files_are_found_with_and_without_notifications(logs: Path, tmp_path: Path, notify: bool) -> None:
    """Directories made in one go, files in them, later files with earlier names, renamed runs."""
    with Bridge(logs, notify=notify, poll_interval=0.1) as bridge:
        bridge.wait_until_read(5)
        with writer(logs, "a/b/train", number=2, wall=2000.0) as events:
            log(events, 0, 1)
        with writer(logs, "a/b/validation") as events:
            log(events, 0, 1)
        wait_until(lambda: bridge.names() == ["a/b"] and (bridge.out / "a/b.csv").exists())
        with writer(logs, "a/b/train", number=1) as events:
            log(events, 0, 9)
        wait_until(lambda: "9,,,4.5,\n" in text(bridge.out / "a/b.csv"))
        (logs / "a").rename(logs / "moved")
        wait_until(lambda: (bridge.out / "moved/b.csv").exists())
        wait_until(lambda: bridge.view("a/b").state == "source gone")  # type: ignore[union-attr]
        bridge.close()
        assert same_as_export(bridge, logs, tmp_path)


def test_a_notification_costs_a_look_at_its_file_only(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One growing run among many is seen without a walk: no directory is listed for it."""
    for number in range(50):
        with writer(logs, f"run{number}") as events:
            log(events, 0)
    with writer(logs, "growing") as events, Bridge(logs, poll_interval=60) as bridge:
        bridge.wait_until_read(10)
        listed: list[str] = []
        scandir = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path: (listed.append(str(path)), scandir(path))[1])
        log(events, 0, 1, 2)
        wait_until(lambda: text(bridge.out / "growing.csv").endswith("2,,,1.0,\n"))
        assert [path for path in listed if path.startswith(str(logs))] == []


def test_a_linked_directory_is_watched_as_soon_as_its_link_is_seen(logs: Path) -> None:
    """A directory with a link in it is moved here: what the link's target gets afterwards awaits no poll."""
    with writer(logs.with_name("elsewhere")) as events, Bridge(logs, follow_links=True, poll_interval=300) as bridge:
        log(events, 0)
        assert bridge.wait_until_read(30)
        logs.with_name("new").mkdir()
        logs.with_name("new").joinpath("link").symlink_to(logs.with_name("elsewhere"))
        logs.with_name("new").rename(logs / "new")
        run_log = bridge.out / "new/link/exp.csv"
        wait_until(lambda: text(run_log).endswith("0,,,0.0,\n"))
        log(events, 1)
        wait_until(lambda: text(run_log).endswith("1,,,0.5,\n"))


def test_a_poll_finds_what_no_notification_told(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notifications are a hint: lost ones cost a poll interval, and where none come (NFS) that is said, once."""
    monkeypatch.setattr(Watcher, "touch", lambda *_: None)
    with writer(logs) as events, Bridge(logs, poll_interval=0.2) as bridge:
        bridge.wait_until_read(5)
        for step in range(4):
            log(events, step)
            wait_until(lambda step=step: f"\n{step},,," in text(bridge.out / "exp.csv"))  # type: ignore[misc]
        wait_until(bridge.status)
        assert len(bridge.status()) == 1
        assert f"no notifications of changes arrive from {logs}/exp" in bridge.status()[0]
        assert "fs.inotify.max_user_watches" in bridge.status()[0]


def test_a_meddled_run_log_is_restored_and_told(logs: Path) -> None:
    """Edited or deleted by somebody else: written again at the next poll, and a line says so."""
    with writer(logs) as events, Bridge(logs, poll_interval=0.1) as bridge:
        log(events, 0)
        path = bridge.out / "exp.csv"
        wait_until(lambda: text(path).endswith("0,,,0.0,\n"))
        good = path.read_bytes()
        away = bridge.out.with_name("away")
        for meddle in (path.unlink, lambda: path.write_bytes(good + b"x"), lambda: bridge.out.rename(away)):
            meddle()
            wait_until(lambda: path.exists() and path.read_bytes() == good)
        assert "exp: another process changed its file, which was written again" in bridge.status()


def test_a_full_disk_is_told_and_recovered_from(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old run log stays, the line names file and reason, following goes on, and recovery needs no help."""
    with writer(logs) as events, Bridge(logs) as bridge:
        log(events, 0)
        path = bridge.out / "exp.csv"
        wait_until(lambda: text(path).endswith("0,,,0.0,\n"))
        old = path.read_bytes()
        real = os.write

        def full(descriptor: int, data: bytes) -> int:
            if "csv" in os.readlink(f"/proc/self/fd/{descriptor}"):
                raise OSError(28, "No space left on device")
            return real(descriptor, data)

        monkeypatch.setattr(os, "write", full)
        log(events, 1)
        line = f"cannot write {path}: No space left on device; the old version stays"
        wait_until(lambda: line in bridge.status())
        assert path.read_bytes() == old
        assert len(bridge.view("exp").columns["train cross entropy"].step) == 2  # type: ignore[union-attr]
        monkeypatch.setattr(os, "write", real)
        wait_until(lambda: text(path).endswith("1,,,0.5,\n"))
        wait_until(lambda: bridge.status() == [])


def test_a_bug_in_one_run_is_told_and_the_run_begins_again(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within five seconds its state says so; the other runs go on; when the bug is gone it is read from the start."""
    good, bad = writer(logs, "good"), writer(logs, "bad")
    log(bad, 0)
    with good, bad, Bridge(logs, poll_interval=0.1) as bridge:
        wait_until(lambda: bridge.view("bad"))
        file = next(iter(bridge._follower.logs.runs["bad"].values()))
        decoder = type(file._decoder)
        feed = decoder.feed

        def fail(self: object, data: bytes) -> int:
            if self._name.startswith("bad/"):  # type: ignore[attr-defined]
                raise KeyError("x")
            return feed(self, data)  # type: ignore[arg-type]

        monkeypatch.setattr(decoder, "feed", fail)
        log(bad, 1)
        log(good, 0, 1)
        wait_until(lambda: bridge.view("bad").state == "stopped: KeyError: 'x'", timeout=5)  # type: ignore[union-attr]
        wait_until(lambda: any(line.startswith("reading bad/") for line in bridge.status()))
        wait_until(lambda: text(bridge.out / "good.csv").endswith("1,,,0.5,\n"))
        monkeypatch.setattr(decoder, "feed", feed)
        wait_until(lambda: text(bridge.out / "bad.csv").endswith("1,,,0.5,\n"))
        wait_until(lambda: bridge.view("bad").state == "live" and not bridge.status())  # type: ignore[union-attr]


def test_a_follower_that_dies_says_so_and_starts_again(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug outside any run: told within five seconds, subscribers are called, and nothing is lost in the end."""
    monkeypatch.setattr(hall, "RESTART_FIRST", 0.3)
    told = threading.Event()
    with writer(logs) as events, Bridge(logs, poll_interval=0.1) as bridge:
        log(events, 0)
        wait_until(lambda: bridge.view("exp"))
        glance = hall.Follower.glance
        poll = hall.Follower.poll

        def fail(*_: object) -> set[str]:
            raise RuntimeError("broken")

        bridge.subscribe(told.set)
        monkeypatch.setattr(hall.Follower, "glance", fail)
        monkeypatch.setattr(hall.Follower, "poll", fail)
        wait_until(lambda: any("the follower stopped: RuntimeError: broken" in line for line in bridge.status()), 5)
        assert told.is_set()
        monkeypatch.setattr(hall.Follower, "glance", glance)
        monkeypatch.setattr(hall.Follower, "poll", poll)
        log(events, 1)
        wait_until(lambda: text(bridge.out / "exp.csv").endswith("1,,,0.5,\n"))
        wait_until(lambda: bridge.status() == [])


def test_silence_is_told(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while: what the writer may keep back; later: stalled; much later, or where that says so: finished."""
    with writer(logs) as events:
        log(events, 0)
    path = next((logs / "exp").iterdir())
    with Bridge(logs, poll_interval=0.1) as bridge:
        wait_until(lambda: bridge.view("exp"))
        assert not any(QUIET in note for note in bridge.view("exp").notes)  # type: ignore[union-attr]
        for silence, state in ((30, "live"), (200, "stalled"), (4000, "finished")):
            os.utime(path, (time.time() - silence,) * 2)
            wait_until(lambda silence=silence: time.time() - bridge.view("exp").last_write > silence - 1)  # type: ignore[union-attr,misc]
            view = bridge.view("exp")
            assert view is not None
            assert view.state == state
            assert any(QUIET in note for note in view.notes) == (state != "finished")
        os.utime(path)
        wait_until(lambda: bridge.view("exp").state == "live")  # type: ignore[union-attr]
        bridge.ended = lambda name: name == "exp"
        assert bridge.view("exp").state == "finished"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a/events.out.tfevents.1700000000.my.host.4711.0.v2"], "TensorFlow keeps up to ten points"),
        (["a/events.out.tfevents.1700000000.my.host.4711.0"], "torch's writer keeps nothing back"),
        ([TENSORBOARDX], "tensorboardX and TensorFlow 1 keep up to 120 s back"),
        (["a/events.out.tfevents"], "its writer may keep points back"),
        (["a/events.out.tfevents.1700000000.host.1.0", TENSORBOARDX], "tensorboardX and TensorFlow 1"),
    ],
)
def test_silence_is_explained_by_the_writer(names: list[str], says: str) -> None:
    """The names are those of the recordings in fixtures/frameworks, the delays those of docs/writers.md."""
    assert quiet_note(names).startswith(f"{QUIET}: {says}")


def test_infinite_wall_times_are_no_pause(logs: Path) -> None:
    """Neither a time that no clock has nor the step from one to the next counts; no warning is printed."""
    with writer(logs) as events:
        for step, wall in enumerate((1000.0, 1010.0, math.inf, math.inf, 1020.0, 1025.0)):
            events.scalar("loss", step, wall, 0.5)
    with Bridge(logs, poll_interval=0.1) as bridge:
        assert bridge.wait_until_read(60)
        assert bridge._follower.tables.by_name["exp"].pause == 10.0


def test_a_slow_training_is_not_called_stalled(logs: Path) -> None:
    """Silence is measured by the longest pause so far: here 400 s, a pause before a restart aside."""
    with writer(logs) as events:
        for step, wall in enumerate((0, 10, 410, 420)):
            events.scalar("loss", step, 1000.0 + wall, 0.5)
    with writer(logs, number=2, wall=90_000.0) as events:
        for step, wall in ((2, 90_000.0), (3, 90_010.0)):
            events.scalar("loss", step, wall, 0.25)
    with Bridge(logs, poll_interval=0.1) as bridge:
        wait_until(lambda: bridge.view("exp") and bridge.view("exp").last_write)  # type: ignore[union-attr]
        for pause, silence, state in (
            (10, 140, "live"),
            (10, 200, "stalled"),
            (400, 1100, "live"),
            (400, 1300, "stalled"),
        ):
            table = bridge._follower.tables.by_name["exp"]
            assert table.pause == 10.0, "the 400 s were superseded, and the day before the restart is none"
            table.pauses["train cross entropy"] = pause
            for path in (logs / "exp").iterdir():
                os.utime(path, (time.time() - silence,) * 2)
            wait_until(lambda silence=silence: time.time() - bridge.view("exp").last_write > silence - 1)  # type: ignore[union-attr,misc]
            assert bridge.view("exp").state == state  # type: ignore[union-attr]
            table.pauses["train cross entropy"] = 10.0


def test_restarts_and_damage_are_told(logs: Path) -> None:
    """As marks for the charts and as notes: where, how much, why."""
    with writer(logs) as events:
        log(events, *range(10))
        events.start(5, 2000.0)
        log(events, 5, 6)
    path = next((logs / "exp").iterdir())
    data = bytearray(path.read_bytes())
    data[120] ^= 1
    path.write_bytes(data)
    with Bridge(logs, publish=False) as bridge:
        view = wait_until(lambda: bridge.view("exp"))
    assert ("restart", 5) in [(mark.kind, mark.step) for mark in view.marks]
    (lost,) = {0, 1, 2, 3, 4, 5, 6} - set(view.columns["train cross entropy"].step.tolist())
    assert [mark.step for mark in view.marks if mark.kind == "damage"] == [lost + 1], "the first intact point behind it"
    assert any("5 points superseded" in note for note in view.notes)
    assert any("1 damaged places" in note for note in view.notes)


def test_a_bridge_that_publishes_nothing_writes_nothing(logs: Path, tmp_path: Path) -> None:
    """What a viewer of a log directory uses."""
    with writer(logs) as events:
        log(events, 0)
    with Bridge(logs, publish=False) as bridge:
        wait_until(lambda: bridge.csv("exp") == (HEADER + "0,,,0.0,\n").encode())
        assert bridge.csv_path("exp") is None
    assert list(tmp_path.iterdir()) == [logs]


@pytest.mark.parametrize("prune", [True, False])
def test_a_deleted_experiments_run_log_stays_unless_pruned(logs: Path, prune: bool) -> None:
    """`--prune` removes it, from the picker too."""
    with writer(logs) as events:
        log(events, 0)
    with Bridge(logs, prune=prune, poll_interval=0.1) as bridge:
        path = bridge.out / "exp.csv"
        wait_until(path.exists)
        shutil.rmtree(logs / "exp")
        if prune:
            wait_until(lambda: not path.exists() and bridge.names() == [])
        else:
            wait_until(lambda: bridge.view("exp").state == "source gone")  # type: ignore[union-attr]
            assert path.exists()


def test_a_run_log_without_header(logs: Path) -> None:
    """For readers of the older format."""
    with writer(logs) as events:
        log(events, 0)
    with Bridge(logs, header=False) as bridge:
        wait_until(lambda: (bridge.out / "exp.csv").exists())
    assert (bridge.out / "exp.csv").read_text() == "0,,,0.0,\n"


def test_one_restart_of_tbbridge_changes_no_byte(logs: Path) -> None:
    """And writes no file: the bytes that are there are the right ones."""
    with writer(logs) as events:
        log(events, 0, 1)
    with Bridge(logs) as bridge:
        bridge.wait_until_read(5)
    before = (bridge.out / "exp.csv").stat()
    with Bridge(logs) as bridge:
        bridge.wait_until_read(5)
    after = (bridge.out / "exp.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_second_bridge_on_the_same_target_refuses(logs: Path) -> None:
    """And the first goes on."""
    with Bridge(logs) as bridge:
        with pytest.raises(tbbridge.LockedError, match="another tbbridge publishes into"):
            Bridge(logs)
        with writer(logs) as events:
            log(events, 0)
        wait_until(lambda: (bridge.out / "exp.csv").exists())


def test_follow_yields_new_rows(logs: Path) -> None:
    """First what is there, then what comes; a row with a new cell comes again, whole; after a rebuild all rows come."""
    with writer(logs) as events, tbbridge.follow(logs) as updates:
        log(events, 0, 1)
        seen: list[tuple[bool, int, object]] = []

        def until(step: int) -> None:
            while not seen or seen[-1][1] != step:
                update = next(updates)
                seen.extend((update.rebuilt, row["step"], row["train cross entropy"]) for row in update.rows)

        until(1)
        assert [row[1:] for row in seen] == [(0, 0.0), (1, 0.5)]
        log(events, 2)
        until(2)
        assert seen[2:] == [(False, 2, 1.0)]
        events.start(1, 2000.0)
        log(events, 1)
        until(1)
        assert seen[-1][1:] == (1, 0.5)
        assert [row for row in seen if row[0]][:2] == [(True, 0, 0.0), (True, 1, 0.5)]


def test_rows_hold_what_was_logged() -> None:
    """A float32 is the shortest decimal that reads back to it; a double and a NaN are themselves."""
    step = np.array([3, 5])
    narrow = Points(step, step * 1.0, np.array([0.19125, np.nan], np.float32))
    wide = Points(step[1:], step[1:] * 1.0, np.array([0.1912499964]))
    first, second = Update("exp", {"a": narrow, "b": wide}, step).rows
    assert first == {"step": 3, "a": 0.19125, "b": None}
    assert (second["b"], math.isnan(second["a"])) == (0.1912499964, True)


def test_follow_ends_with_its_timeout_and_when_it_is_forgotten(logs: Path) -> None:
    """Every thread ends with it."""
    with writer(logs) as events:
        log(events, 0)
    updates = tbbridge.follow(logs, timeout="0.2s")
    assert [update.experiment for update in updates] == ["exp"]
    del updates
    gc.collect()


def test_what_is_there_comes_before_a_timeout_however_short(logs: Path) -> None:
    """The first reading is no silence, in a loop of either kind."""
    with writer(logs) as events:
        log(events, *range(20_000))

    async def steps() -> list[int]:
        async with tbbridge.follow(logs, timeout=0) as updates:
            return [len(update.steps) async for update in updates]

    with tbbridge.follow(logs, timeout=0) as updates:
        assert [len(update.steps) for update in updates] == [20_000]
    with ThreadPoolExecutor(1) as apart:
        assert apart.submit(asyncio.run, steps()).result() == [20_000]


def test_follow_can_be_closed_from_another_thread(logs: Path) -> None:
    """A waiting iteration ends then."""
    updates = tbbridge.follow(logs)
    threading.Timer(0.2, updates.close).start()
    assert list(updates) == []


def test_follow_is_an_asynchronous_iterator_too(logs: Path) -> None:
    """It does not block the loop while it waits."""

    async def main(events: EventWriter) -> list[int]:
        steps: list[int] = []
        async with tbbridge.follow(logs) as updates:
            asyncio.get_running_loop().call_later(0.1, log, events, 0, 1)
            asyncio.get_running_loop().call_later(0.3, log, events, 2)
            async for update in updates:
                steps += [row["step"] for row in update.rows]
                if 2 in steps:
                    break
        return steps

    # in a thread of its own: page tests before this one leave Playwright's loop in the main thread
    with writer(logs) as events, ThreadPoolExecutor(1) as apart:
        assert apart.submit(asyncio.run, main(events)).result() == [0, 1, 2]


@pytest.mark.parametrize("interval", ["2", None, math.nan, math.inf, 0, -1.0, True])
def test_an_interval_between_polls_that_is_none_is_refused_at_once(logs: Path, interval: Any) -> None:
    """By whatever takes one, before a thread starts: a follower would end at its first poll."""
    for start in (
        lambda: Bridge(logs, publish=False, poll_interval=interval),
        lambda: tbbridge.follow(logs, poll_interval=interval),
        lambda: tbbridge.wait(logs, "loss > 1", poll_interval=interval),
        lambda: tbbridge.open_source(logs, poll_interval=interval),
        lambda: CsvSource(logs, poll_interval=interval),
    ):
        with pytest.raises(tbbridge.UsageError, match="give seconds, a number above 0"):
            start()
