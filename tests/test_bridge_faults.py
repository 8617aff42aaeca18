"""What goes wrong around a live bridge: the published bytes stay whole, and in the end are those of a fresh export."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import running_cli, wait_until

import tbbridge
from tbbridge.following.bridge import Bridge
from tbbridge.following.follower import Follower
from tbbridge.reading import log_directory
from tbbridge.watching.session import watch
from tbbridge.write.atomic import TEMPORARY
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


def writer(logs: Path, run: str = "exp", number: int = 1, wall: float = 1000.0) -> EventWriter:
    (logs / run).mkdir(parents=True, exist_ok=True)
    return EventWriter(logs / run / f"events.out.tfevents.{number}", wall_time=wall)


def log(events: EventWriter, *steps: int, wall: float = 1000.0) -> None:
    for step in steps:
        events.scalar("loss", step, wall + step, step / 2)
    events.flush()


def published(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.csv")}


def exported(logs: Path, fresh: Path) -> dict[str, bytes]:
    tbbridge.export(logs, fresh)
    return published(fresh)


def test_two_writers_of_one_tag_give_the_same_live_and_after_a_restart(logs: Path, tmp_path: Path) -> None:
    """Whatever the order in which their points came."""
    with writer(logs, number=1) as one, writer(logs, number=2) as other, Bridge(logs) as bridge:
        for step in range(0, 40, 2):
            log(one, step, wall=1000.0)
            log(other, step + 1, wall=1000.5)
            if step % 8 == 0:
                wait_until(lambda step=step: f"{step + 1},,," in published(bridge.out).get("exp.csv", b"").decode())  # type: ignore[misc]
    live = published(bridge.out)
    assert live == exported(logs, tmp_path / "fresh")
    with Bridge(logs, tmp_path / "restarted") as again:
        again.wait_until_read(10)
    assert published(again.out) == live
    assert live["exp.csv"].count(b"\n") == 41


def test_an_older_file_may_grow_after_a_newer_one_came(logs: Path, tmp_path: Path) -> None:
    """All files of a run are followed, however old."""
    with writer(logs, number=1) as old, Bridge(logs) as bridge:
        log(old, 0, 1)
        with writer(logs, number=2, wall=2000.0) as new:
            log(new, 10, 11, wall=2000.0)
        wait_until(lambda: b"\n11," in published(bridge.out).get("exp.csv", b""))
        log(old, 2)
        wait_until(lambda: b"\n2," in published(bridge.out)["exp.csv"])
    assert published(bridge.out) == exported(logs, tmp_path / "fresh")


def test_many_files_fit_a_small_limit_of_descriptors(logs: Path, tmp_path: Path) -> None:
    """400 event files under a limit of 48: nothing is held between looks, and the run logs are those of export."""
    for number in range(400):
        with writer(logs, f"run{number % 40}", number) as events:
            log(events, number)
    limit = (48, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    program = f"""
import tbbridge
with tbbridge.Bridge({str(logs)!r}, {str(tmp_path / "out")!r}) as bridge:
    assert bridge.wait_until_read(60)
    print(bridge.status())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
    )
    assert done.stdout == "[]\n"
    assert published(tmp_path / "out") == exported(logs, tmp_path / "fresh")


def test_a_directory_may_vanish_between_its_listing_and_its_reading(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is passed over, and the others are read."""
    for run in ("gone", "stays"):
        with writer(logs, run) as events:
            log(events, 0)
    real = os.open

    def vanish(path: str, *args: object, **kwargs: object) -> int:
        if "gone" in str(path):
            raise FileNotFoundError(2, "No such file or directory")
        return real(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", vanish)
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(logs, publisher)
        follower.finish()
        assert follower.problems() == []
        follower.finish()
        assert follower.problems() == []
    assert published(tmp_path / "out").keys() == {"stays.csv", "summary.csv"}


@pytest.mark.parametrize("what", ["directory", "file"])
def test_what_cannot_be_read_keeps_its_last_good_state_and_recovers(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Permissions taken and given back: told, the others go on, nothing is lost."""
    closed, other = writer(logs, "closed"), writer(logs, "open")
    log(closed, 0)
    call, real = ("scandir", os.scandir) if what == "directory" else ("open", os.open)

    def refuse(path: str, *args: object, **kwargs: object) -> object:
        if str(path).startswith(str(logs / "closed")):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)  # type: ignore[operator]

    with closed, other, Bridge(logs, poll_interval=0.1, notify=False) as bridge:
        wait_until(lambda: b"\n0," in published(bridge.out).get("closed.csv", b""))
        monkeypatch.setattr(os, call, refuse)
        log(closed, 1)
        log(other, 0)
        wait_until(lambda: b"\n0," in published(bridge.out).get("open.csv", b""))
        wait_until(lambda: any("Permission denied" in line for line in bridge.status()))
        assert bridge.view("closed").state == "live"  # type: ignore[union-attr]
        if what == "file":
            assert published(bridge.out)["closed.csv"].count(b"\n") == 2
        monkeypatch.setattr(os, call, real)
        wait_until(lambda: b"\n1," in published(bridge.out)["closed.csv"])
        wait_until(lambda: bridge.status() == [])
    assert published(bridge.out) == exported(logs, tmp_path / "fresh")


def test_directories_whose_times_change_are_no_reason_to_stop(logs: Path, tmp_path: Path) -> None:
    """As ``rsync -a`` and ``chmod -R`` change them: what comes after is followed, and no run has two names."""
    with writer(logs, "a/b") as events, Bridge(logs, poll_interval=60) as bridge:
        log(events, 0)
        wait_until(lambda: b"\n0," in published(bridge.out).get("a/b.csv", b""))
        for step in range(1, 5):
            for directory in (logs, logs / "a", logs / "a/b"):
                os.utime(directory, (1000 + step, 1000))
            log(events, step)
            wait_until(lambda step=step: b"\n%d," % step in published(bridge.out)["a/b.csv"])  # type: ignore[misc]
        assert bridge.names() == ["a/b"]
    assert published(bridge.out) == exported(logs, tmp_path / "fresh")


def test_a_poll_of_many_files_keeps_no_news_waiting(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where notifications come it is made in parts, and the news are published between two of them."""

    def endless(_: Follower) -> Iterator[set[str]]:
        begun.set()
        while True:
            yield set()

    begun = threading.Event()
    monkeypatch.setattr(Follower, "poll_in_parts", endless)
    with writer(logs) as events, Bridge(logs, poll_interval=0.05) as bridge:
        assert bridge.wait_until_read(20)
        assert begun.wait(20)
        for step in range(5):
            log(events, step)
            wait_until(lambda step=step: b"\n%d," % step in published(bridge.out).get("exp.csv", b""))  # type: ignore[misc]


def test_a_poll_in_parts_knows_what_came_and_went_meanwhile(logs: Path) -> None:
    """Files that came after their directory was listed stay, those that went are gone, and no link is followed."""
    for run in ("a", "b", "went"):
        with writer(logs, run) as events:
            log(events, 0)
    follower = Follower(logs)
    follower.poll()
    parts = follower.poll_in_parts()
    for _ in range(4):
        next(parts)
    with writer(logs, "came") as events, writer(logs, "a", 2) as more:
        log(events, 0)
        log(more, 1)
    shutil.rmtree(logs / "went")
    (logs / "b").rename(logs.with_name("elsewhere"))
    (logs / "b").symlink_to(logs.with_name("elsewhere"))
    follower.glance([str(logs / run) for run in ("came", "a", "b")])
    for _ in parts:
        pass
    assert {run: len(files) for run, files in follower.logs.runs.items()} == {"a": 2, "came": 1}
    assert {name for name, table in follower.tables.by_name.items() if table.gone} == {"b", "went"}


def test_a_huge_run_keeps_no_other_waiting(logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in slices; between two of them the others' news are read and published, and nothing half-read is."""
    monkeypatch.setattr(log_directory, "SLICE", 10_000)
    with Publisher(tmp_path / "out") as publisher, writer(logs, "small") as small:
        follower = Follower(logs, publisher, clock=iter(range(10**6)).__next__)
        log(small, 0)
        follower.poll()
        follower.publish()
        with writer(logs, "huge") as huge:
            log(huge, *range(5000))
        follower.poll()
        assert follower.logs.unfinished
        log(small, 1)
        assert "small" in follower.glance([str(logs / "small/events.out.tfevents.1")])
        follower.publish()
        assert follower.logs.unfinished
        assert b"\n1," in published(tmp_path / "out")["small.csv"]
        assert "huge.csv" not in published(tmp_path / "out")
        assert follower.problems() == ["reading 1 large files"]
        while follower.logs.unfinished:
            follower.glance()
        follower.publish()
        assert published(tmp_path / "out") == exported(logs, tmp_path / "fresh")


def test_a_restart_never_publishes_less_than_there_was(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until everything that is there at the start is read, the run logs of the last process stand."""
    for run, points in (("exp/train", 5000), ("exp/validation", 10)):
        with writer(logs, run) as events:
            log(events, *range(points))
    before = exported(logs, tmp_path / "out")
    monkeypatch.setattr(log_directory, "SLICE", 10_000)
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(logs, publisher)
        follower.poll()
        assert follower.logs.unfinished
        while follower.logs.unfinished:
            follower.publish()
            assert published(tmp_path / "out") == before
            follower.glance()
        follower.finish()
    assert published(tmp_path / "out") == before


def test_an_experiment_that_more_runs_rename_leaves_no_file_behind(logs: Path, tmp_path: Path) -> None:
    """A validation run alone is an experiment; when its training's run comes, both are another one."""
    with writer(logs, "exp/validation") as events:
        log(events, 0)
    with Bridge(logs) as bridge:
        wait_until(lambda: published(bridge.out).keys() == {"exp/validation.csv", "summary.csv"})
        with writer(logs, "exp/train") as events:
            log(events, 0)
        wait_until(lambda: published(bridge.out).keys() == {"exp.csv", "summary.csv"})
        assert bridge.names() == ["exp"]
    assert published(bridge.out) == exported(logs, tmp_path / "fresh")


def test_a_run_that_comes_back_under_another_name_leaves_no_file_behind(logs: Path, tmp_path: Path) -> None:
    """What was deleted stays published while it is gone, and not beside the same run's new run log."""
    with writer(logs, "exp/validation") as events:
        log(events, 0)
    with Bridge(logs) as bridge:
        wait_until(lambda: published(bridge.out).keys() == {"exp/validation.csv", "summary.csv"})
        shutil.rmtree(logs / "exp")
        wait_until(lambda: bridge.view("exp/validation").state == "source gone")  # type: ignore[union-attr]
        assert published(bridge.out).keys() == {"exp/validation.csv", "summary.csv"}
        for run in ("exp/train", "exp/validation"):
            with writer(logs, run) as events:
                log(events, 0)
        wait_until(lambda: published(bridge.out).keys() == {"exp.csv", "summary.csv"})
    assert published(bridge.out) == exported(logs, tmp_path / "fresh")


def test_a_target_that_became_read_only_is_told_and_recovered_from(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old version stays, following goes on."""
    real = os.open

    def refuse(path: str, flags: int, *args: object, **kwargs: object) -> int:
        if flags & os.O_CREAT and os.path.basename(path).startswith(".tbbridge-"):
            raise OSError(30, "Read-only file system")
        return real(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    with writer(logs) as events, Bridge(logs) as bridge:
        log(events, 0)
        wait_until(lambda: b"\n0," in published(bridge.out).get("exp.csv", b""))
        old = published(bridge.out)
        monkeypatch.setattr(os, "open", refuse)
        log(events, 1)
        wait_until(lambda: any("Read-only file system; the old version stays" in line for line in bridge.status()))
        assert published(bridge.out) == old
        monkeypatch.setattr(os, "open", real)
        wait_until(lambda: b"\n1," in published(bridge.out)["exp.csv"])


def test_a_reader_never_sees_a_torn_file(tmp_path: Path) -> None:
    """It opens the run log in a loop while it is replaced as fast as can be: each version is whole."""
    versions = [b"%d\n" % number * (100 + number % 900) for number in range(3000)]
    whole = set(versions)
    done = threading.Event()
    seen: list[int] = []

    def read(path: Path) -> None:
        count = 0
        while not done.is_set():
            assert path.read_bytes() in whole
            count += 1
        seen.append(count)

    with Publisher(tmp_path) as publisher:
        path = publisher.publish("exp", versions[0])
        readers = [threading.Thread(target=read, args=(path,)) for _ in range(2)]
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + 3
        for version in versions:
            publisher.publish("exp", version)
            if time.monotonic() > deadline:
                break
        done.set()
        for reader in readers:
            reader.join()
    assert len(seen) == 2, "a reader failed"
    assert sum(seen) > 1000


def test_kills_at_random_moments_leave_whole_files(logs: Path, tmp_path: Path) -> None:
    """kill -9 of `tbbridge watch` while a training writes: after a last start all is as export has it."""
    chance = random.Random(4)
    out = tmp_path / "logs-csv"
    step = 0
    with writer(logs, "exp/train") as events:
        for _ in range(5):
            with running_cli("watch", logs, "--no-viewer") as watch:
                end = time.monotonic() + chance.uniform(0.6, 1.6)
                while time.monotonic() < end:
                    log(events, step)
                    step += 1
                    time.sleep(0.002)
                watch.kill()
                watch.wait()
            if (out / "exp.csv").exists():
                lines = (out / "exp.csv").read_bytes().splitlines(keepends=True)
                rows = lines[1:]
                assert rows == [b"%d,,,%r,\n" % (n, n / 2) for n in range(len(rows))]
    with Bridge(logs) as bridge:
        bridge.wait_until_read(10)
    assert published(out) == exported(logs, tmp_path / "fresh")
    assert not [path for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]


def test_a_soak_leaves_descriptors_flat(logs: Path, tmp_path: Path) -> None:
    """Twenty writers for some seconds: no point is missing, no descriptor is left (a campaign has the hour)."""
    writers = [writer(logs, f"run{number}") for number in range(20)]
    with Bridge(logs) as bridge:
        for step in range(20):
            for events in writers:
                log(events, step)
        wait_until(lambda: len(published(bridge.out)) == 21)
        before = len(os.listdir("/proc/self/fd"))
        for step in range(20, 220):
            for events in writers:
                log(events, step)
            time.sleep(0.01)
        wait_until(lambda: all(data.count(b"\n") in (221, 21) for data in published(bridge.out).values()))
        wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before, what="as many descriptors as before")
    for events in writers:
        events.close()
    assert published(bridge.out) == exported(logs, tmp_path / "fresh")


def test_what_is_read_is_published_while_a_large_file_is_still_read(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An experiment is published when its own files are read; another one after some seconds, as far as it is read."""
    for run, points in (("small", 3), ("huge", 5000)):
        with writer(logs, run) as events:
            log(events, *range(points))
    monkeypatch.setattr(log_directory, "SLICE", 10_000)
    now = 0.0
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(logs, publisher, clock=lambda: now)
        follower.poll()
        follower.publish()
        assert published(tmp_path / "out").keys() == {"small.csv"}
        assert set(follower.tables.by_name) == {"small", "huge"}
        for seconds in (0.0, 4.0, 8.0):
            now = seconds
            follower.glance()
            follower.publish()
        assert follower.logs.reading == {"huge"}
        part = published(tmp_path / "out")["huge.csv"]
        while follower.logs.unfinished:
            now += 1.0
            follower.glance()
        now += 100.0
        follower.publish()
        fresh = exported(logs, tmp_path / "fresh")
        assert published(tmp_path / "out") == fresh
        assert 100 < len(part) < len(fresh["huge.csv"])
        assert fresh["huge.csv"].startswith(part)


def test_an_end_before_all_is_read_publishes_what_is_read_and_names_the_rest(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in that time loses nothing that was read, replaces no whole run log by a part, and says so."""
    for run, points in (("small", 3), ("huge", 5000), ("known", 5000)):
        with writer(logs, run) as events:
            log(events, *range(points))
    fresh = exported(logs, tmp_path / "fresh")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/known.csv").write_bytes(fresh["known.csv"])
    monkeypatch.setattr(log_directory, "SLICE", 10_000)
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(logs, publisher)
        follower.finish(patience=0.0)
        found = published(tmp_path / "out")
        assert (found["small.csv"], found["known.csv"]) == (fresh["small.csv"], fresh["known.csv"])
        assert fresh["huge.csv"].startswith(found["huge.csv"])
        assert found["huge.csv"] != fresh["huge.csv"]
        reason = "its event files were not read to their end"
        assert follower.unpublished() == [f"huge: {reason}", f"known: {reason}"]


def test_an_error_at_the_very_end_is_reported(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes `watch` end with 1, and gives the reason."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    with writer(logs) as events:
        log(events, 0)
    monkeypatch.setattr(Follower, "finish", fail)
    stop = threading.Event()
    bridge = Bridge(logs)
    stop.set()
    assert watch(bridge, page=None, stop=stop) == 1
    assert bridge.unpublished() == ["the last state was not published: RuntimeError: broken"]


def test_a_run_log_whose_event_files_are_gone_may_be_edited(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after the follower began again and knows nothing of it: it stays as it is, and the follower goes on."""
    with writer(logs, "gone") as events, writer(logs, "stays") as other:
        log(events, 0)
        log(other, 0)
    with Bridge(logs, poll_interval=0.05) as bridge:
        wait_until(lambda: len(published(bridge.out)) == 3)
        shutil.rmtree(logs / "gone")
        wait_until(lambda: bridge.view("gone").state == "source gone")  # type: ignore[union-attr]
        poll = Follower.poll
        monkeypatch.setattr(Follower, "poll", lambda _: 1 / 0)
        monkeypatch.setattr(Follower, "poll_in_parts", lambda _: 1 / 0)
        wait_until(lambda: any("ZeroDivisionError" in line for line in bridge.status()))
        monkeypatch.undo()
        assert Follower.poll is poll
        wait_until(lambda: bridge.names() == ["stays"])
        (bridge.out / "gone.csv").write_text("mine")
        with writer(logs, "stays", 2, 2000.0) as other:
            log(other, 1, wall=2000.0)
        wait_until(lambda: b"\n1," in published(bridge.out)["stays.csv"])
        wait_until(lambda: bridge.status() == [])
        assert published(bridge.out)["gone.csv"] == b"mine"


def test_a_second_signal_ends_a_process_that_hangs(logs: Path) -> None:
    """A store that does not answer keeps the end waiting; the next Ctrl-C does not wait.

    A signal that comes twice at once, as from ``timeout``, is one.
    """
    hangs = (
        "import sys, threading\n"
        "from tbbridge.following.bridge import Bridge\n"
        "from tbbridge.watching.session import watch\n"
        "Bridge.close = lambda bridge: (print('closing', flush=True), threading.Event().wait())\n"
        "sys.exit(watch(Bridge(sys.argv[1]), page=None))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hangs, str(logs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        wait_until(lambda: (logs.with_name("logs-csv")).exists())
        lines = iter(process.stdout.readline, "")
        next(lines)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert any("closing" in line for line in lines)
        wait_until(lambda: process.send_signal(signal.SIGTERM) or process.poll() is not None)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert "ended at the second signal" in process.stderr.read()


def test_one_event_file_is_watched_only_with_another_place_for_its_run_log(logs: Path, tmp_path: Path) -> None:
    """Beside its directory the run log would lie in the log directory."""
    with writer(logs, "exp/train") as events:
        log(events, 0)
    path = logs / "exp/train/events.out.tfevents.1"
    with pytest.raises(tbbridge.PathError, match="give its log directory"):
        Bridge(path)
    with pytest.raises(tbbridge.PathError, match="lies in the log directory"):
        Bridge(path, logs / "exp/train/csv")
    with Bridge(path, tmp_path / "out") as bridge:
        wait_until(lambda: published(bridge.out))
    assert [file.name for file in (logs / "exp").iterdir()] == ["train"]
