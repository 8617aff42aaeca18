"""Older bytes that change while the file grows: no look at its end can see that, reading it again does."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from decode.story import VERSION, scalar

from tbbridge import export
from tbbridge.decode import Decoder
from tbbridge.decode.small_files import decode_small
from tbbridge.following.follower import Follower
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.tail import file as room
from tbbridge.tail.file import GrowingFile, News
from tbbridge.tail.local import LocalFile, LocalStorage
from tbbridge.tail.logdir import EventPath
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher

POINTS = 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "events.out.tfevents.1"


def write(path: Path, first: int, count: int) -> None:
    with EventWriter(path, file_version=first == 0) as writer:
        for step in range(first, first + count):
            writer.scalar("loss", step, 1.7e9 + step, step / 7)


def grow(path: Path, first: int, count: int) -> None:
    other = path.with_name("more")
    write(other, first, count)
    with open(path, "ab") as end:
        end.write(other.read_bytes())
    other.unlink()


def flip(path: Path, offset: int) -> None:
    """Change one bit in place, as a bad disk does."""
    with open(path, "r+b") as file:
        byte = os.pread(file.fileno(), 1, offset)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 4]), offset)


def test_a_file_read_at_once_needs_no_proof(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading saw it as it is; only what came later leaves a doubt."""
    monkeypatch.setattr(room, "FRESH", -1.0)
    write(path, 0, POINTS)
    file = GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)
    file.look()
    assert not file.unproven
    grow(path, POINTS, 1)
    file.look()
    assert file.unproven
    assert file.prove() is News.NONE
    assert not file.unproven


def test_a_file_that_was_read_with_others_is_proven_by_its_bytes(path: Path) -> None:
    """It is as it was; then a bit changes behind everyone's back: what was taken is void, and it is read again."""
    write(path, 0, POINTS)
    storage = LocalStorage(path.parent)
    file = GrowingFile(storage, EventPath(str(path), path.name), Decoder)
    stat, data = storage.stat(str(path)), path.read_bytes()
    assert stat
    file.begin_with(decode_small(memoryview(data), np.array([0, len(data)])), 0, stat, memoryview(data))
    assert file.unproven, "it was written a moment ago"
    assert len(file.take().scalars.step) == POINTS
    assert file.prove() is News.NONE
    assert not file.unproven
    flip(path, 500)
    assert file.prove() is News.SOME
    assert file.look() is News.SOME
    assert file.void
    assert len(file.log.damage) == 1
    assert len(file.log.scalars.step) == POINTS - 1


def test_a_proof_finds_a_bit_that_was_flipped_while_the_file_grew(path: Path) -> None:
    """The look saw the appended point alone; the next one reads all, and the changed record is damage."""
    write(path, 0, POINTS)
    file = GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)
    file.look()
    flip(path, 500)
    grow(path, POINTS, 1)
    file.look()
    assert not file.log.damage
    assert file.prove() is News.SOME
    assert file.look() is News.SOME
    assert [damage.start <= 500 < damage.end for damage in file.log.damage] == [True]
    assert len(file.log.scalars.step) == POINTS


def test_a_proof_goes_in_pieces_while_the_file_grows(path: Path) -> None:
    """What is compared is what was known when the proof began; what came since is a doubt of its own."""
    write(path, 0, POINTS)
    file = GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)
    file.look()
    grow(path, POINTS, 1)
    file.look()
    assert file.prove(500) is News.MORE
    grow(path, POINTS + 1, 1)
    file.look()
    while (news := file.prove(500)) is News.MORE:
        pass
    assert news is News.NONE
    assert file.unproven
    assert file.prove() is News.NONE
    assert not file.unproven


def test_a_proof_keeps_nothing_of_what_it_reads(path: Path) -> None:
    """However long the file is, a piece at a time is in memory."""
    path.write_bytes(VERSION + b"".join(map(scalar, range(1000))) * 200)
    file = GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)
    file.look()
    grow(path, 200_000, 1)
    file.look()
    tracemalloc.start()
    try:
        assert file.prove() is News.NONE
        assert tracemalloc.get_traced_memory()[1] < 200_000 * 24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_cannot_be_read_is_not_judged(path: Path, gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look says what became of it."""
    write(path, 0, 2)
    file = GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)
    file.look()
    grow(path, 2, 1)
    file.look()
    if gone:
        path.unlink()
    else:
        path.write_bytes(b"")
    assert file.prove() is (News.FAILED if gone else News.SOME)


def test_a_directory_proves_its_files_in_turn_and_stays_quiet_then(path: Path) -> None:
    """Every file that grew is read again once, the changed one is news, and nothing is left to do."""
    others = [path.with_name(f"events.out.tfevents.{number}") for number in range(2, 5)]
    for one in (path, *others):
        write(one, 0, POINTS)
    logs = LogDirectory(path.parent)
    logs.sweep()
    for one in (path, *others):
        grow(one, POINTS, 1)
    flip(others[1], 500)
    logs.sweep()
    assert logs.prove(60.0) == {"."}
    assert logs.prove(60.0) == set()
    assert sum(len(file.damage) for file in logs.files(".")) == 1


def test_what_is_published_is_what_export_gives_after_a_bit_flipped(path: Path, tmp_path: Path) -> None:
    """A poll, or the end, finds it: the point of the damaged record goes from the published run log."""
    write(path, 0, POINTS)
    out = tmp_path / "out"
    with Publisher(out) as publisher:
        follower = Follower(path.parent, publisher)
        follower.finish()
        flip(path, 500)
        grow(path, POINTS, 1)
        follower.glance([str(path)])
        assert len(follower.csv("logs").splitlines()) == POINTS + 2
        follower.finish()
        (fresh,) = export(path.parent, tmp_path / "fresh")
        assert (out / "logs.csv").read_bytes() == fresh.read_bytes()
        assert len(fresh.read_bytes().splitlines()) == POINTS + 1


def test_a_file_that_was_just_written_may_change_within_one_tick_of_its_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems count seconds: a bit that flips in the same one leaves the stamp as it was."""
    real, now = LocalFile.stat, time.time()
    monkeypatch.setattr(LocalFile, "stat", lambda file: real(file)._replace(version=(1,), changed=now))
    write(path, 0, POINTS)
    file = GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)
    file.look()
    flip(path, path.stat().st_size // 2)
    assert file.look() is News.NONE
    assert file.unproven
    assert file.prove() is News.SOME
    file.look()
    assert file.log.damage
