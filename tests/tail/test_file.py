"""One growing file: what is new, and whether it is still the same file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tbbridge.decode import Decoder
from tbbridge.tail import file as room
from tbbridge.tail.file import GrowingFile, News
from tbbridge.tail.local import LocalFile, LocalStorage
from tbbridge.tail.logdir import EventPath
from tbbridge.write.events import EventWriter


def written(path: Path, *values: float, first: float = 0.0) -> bytes:
    """Make `path` an event file of these values; returns its bytes."""
    with EventWriter(path, wall_time=first) as writer:
        for step, value in enumerate(values):
            writer.scalar("loss", step, first + step, value)
    return path.read_bytes()


def values(file: GrowingFile) -> list[float]:
    return file.log.scalars.value.tolist()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.out.tfevents.1"


@pytest.fixture
def file(path: Path) -> GrowingFile:
    return GrowingFile(LocalStorage(path.parent), EventPath(str(path), path.name), Decoder)


def test_only_what_is_new_is_read(path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look reads the bytes after the first one's, and the marker before them."""
    data = written(path, 1, 2, 3)
    path.write_bytes(data[:-40])
    assert file.look() is News.SOME
    read: list[int] = []
    real = LocalFile.read
    monkeypatch.setattr(LocalFile, "read", lambda file, count, at: read.append(at) or real(file, count, at))
    with open(path, "ab") as end:
        end.write(data[-40:])
    assert file.look() is News.SOME
    assert values(file) == [1, 2, 3]
    assert min(read) >= len(data) - 40 - room.MARKER
    assert file.look() is News.NONE


def test_a_file_that_comes_byte_by_byte_ends_as_the_whole(path: Path, file: GrowingFile) -> None:
    """At every length: the same scalars, and an unfinished record is no damage."""
    data = written(path, 1, 2)
    path.write_bytes(b"")
    file.taken = True
    for byte in data:
        with open(path, "ab") as end:
            end.write(bytes([byte]))
        file.look()
        assert not file.log.damage
    assert values(file) == [1, 2]
    assert file.log.incomplete_tail == 0
    assert not file.void


@pytest.mark.parametrize("regrown", [0, 1, 5])
def test_a_truncated_file_is_read_again(path: Path, file: GrowingFile, regrown: int) -> None:
    """Shorter, as long, or already longer than what was read: nothing of the old content is left."""
    written(path, 1, 2)
    file.look()
    assert file.take().scalars.value.tolist() == [1, 2]
    written(path, *range(10, 10 + regrown + 1), first=9.0)
    assert file.look() is News.SOME
    assert values(file) == list(range(10, 10 + regrown + 1))
    assert file.void


def test_an_unfinished_record_at_the_end_hides_no_rewrite(path: Path, file: GrowingFile) -> None:
    """The first bytes of two records of one length are the same: what lies before them tells the files apart."""
    whole = written(path, 1, 2, 3)
    record = len(whole) // 4 + 1
    path.write_bytes(whole[: -record + 18])
    file.look()
    written(path, 7, 8, 9, 10)
    assert path.read_bytes()[: len(whole) - record + 18][-16:] == whole[: -record + 18][-16:]
    assert file.look() is News.SOME
    assert values(file) == [7, 8, 9, 10]


def test_a_replaced_file_is_read_again(path: Path, file: GrowingFile, tmp_path: Path) -> None:
    """Another file under the name is noticed, though it is longer and begins with the same bytes."""
    data = written(path, 1, 2)
    file.look()
    file.take()
    other = tmp_path / "other"
    written(other, 1, 2, 3)
    assert other.read_bytes().startswith(data)
    os.replace(other, path)
    assert file.look() is News.SOME
    assert values(file) == [1, 2, 3]
    assert file.void


def test_a_reused_inode_is_noticed_by_the_marker(
    path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deleted and re-created file may get the same inode: its bytes before the known end tell."""
    written(path, 1, 2)
    file.look()
    written(path, 3, 4, 5)  # in place: the same inode
    assert file.look() is News.SOME
    assert values(file) == [3, 4, 5]


def test_a_rewrite_of_the_same_size_is_noticed_whatever_the_clock_says(path: Path, file: GrowingFile) -> None:
    """Time stamps that go backwards, or were set by hand, decide nothing."""
    data = written(path, 1, 2)
    os.utime(path, (1000, 1000))
    file.look()
    written(path, 3, 4)
    assert len(path.read_bytes()) == len(data)
    os.utime(path, (500, 500))
    assert file.look() is News.SOME
    assert values(file) == [3, 4]


def test_a_change_before_the_marker_is_noticed_by_the_time_stamp(path: Path, file: GrowingFile) -> None:
    """The file did not grow and was written to: it is read again."""
    data = bytearray(written(path, 1, 2, 3))
    os.utime(path, (1000, 1000))
    file.look()
    data[-100] ^= 1
    path.write_bytes(data)
    assert file.look() is News.SOME
    assert len(file.log.damage) == 1


def test_a_file_whose_time_stamps_moved_alone_gives_the_same_again(path: Path, file: GrowingFile) -> None:
    """``touch`` costs a reading, and changes nothing."""
    written(path, 1, 2)
    file.look()
    os.utime(path, (1000, 1000))
    file.look()
    assert values(file) == [1, 2]


def test_a_file_at_rest_is_not_even_opened(path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its last change is old enough that the clock's ticks hide nothing, one stat is enough."""
    written(path, 1)
    monkeypatch.setattr(room, "FRESH", -1.0)
    file.look()
    opened: list[str] = []
    monkeypatch.setattr(os, "open", lambda name, *_: opened.append(name))
    assert file.look() is News.NONE
    assert not opened


def test_no_descriptor_is_held_between_looks(path: Path, file: GrowingFile) -> None:
    """Ten thousand files fit a limit of 128."""
    before = len(os.listdir("/proc/self/fd"))
    written(path, 1)
    file.look()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_vanished_is_gone(path: Path, file: GrowingFile) -> None:
    """Also when its directory went with it, or it is something else now."""
    assert file.look() is News.GONE
    written(path, 1)
    file.look()
    path.unlink()
    assert file.look() is News.GONE
    os.mkfifo(path)
    assert file.look() is News.GONE


def failing(code: int, calls: int) -> Callable[..., bytes]:
    read, left = os.read, [calls]

    def fail(descriptor: int, size: int) -> bytes:
        if left[0] > 0:
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        return read(descriptor, size)

    return fail


@pytest.mark.parametrize("code", [5, 116])  # EIO, ESTALE
def test_a_file_that_cannot_be_read_keeps_what_was_read(
    path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """It is tried again after a pause that grows; the reason is told until it succeeds."""
    data = written(path, 1, 2, 3)
    path.write_bytes(data[:-40])
    file.look()
    path.write_bytes(data)
    now = [0.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(os, "read", failing(code, 2))
    assert file.look() is News.FAILED
    assert values(file) == [1, 2]
    assert file.problem == f"cannot read {path.name}: {os.strerror(code)}"
    assert file.look() is News.FAILED, "not tried again yet"
    now[0] += room.RETRY_FIRST
    assert file.look() is News.FAILED
    now[0] += room.RETRY_FIRST
    assert file.look() is News.FAILED, "the pause doubles"
    now[0] += room.RETRY_FIRST
    assert file.look() is News.SOME
    assert values(file) == [1, 2, 3]
    assert file.problem == ""


def test_short_reads_are_completed(path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read may return less than was asked for."""
    written(path, *range(50))
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, count: read(descriptor, min(count, 7)))
    assert file.look() is News.SOME
    assert values(file) == list(range(50))


def test_a_large_file_is_read_in_slices(path: Path, file: GrowingFile) -> None:
    """A look takes at most about its limit, and what is known stays whole until the end is reached."""
    written(path, *range(60_000))
    looks = [file.look(100_000)]
    assert looks == [News.MORE]
    assert values(file) == []
    while looks[-1] is News.MORE:
        looks.append(file.look(100_000))
    assert looks[-1] is News.SOME
    assert values(file) == list(range(60_000))
    assert file.look(100_000) is News.NONE


def test_reading_needs_no_fcntl(path: Path) -> None:
    """Windows has none: an interpreter that cannot import it reads a log directory, by this process and by run."""
    written(path, 1, 2, 3)
    program = (
        "import sys; sys.modules['fcntl'] = None; import tbbridge;"
        "print(len(tbbridge.read_scalars(sys.argv[1])), tbbridge.check(sys.argv[1]).sound)"
    )
    command = [sys.executable, "-c", program, str(path.parent)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "3 True\n"


def test_a_bug_makes_it_begin_again_after_a_while(
    path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known stays until then, and the reason is told."""
    written(path, 1, 2)
    file.look()
    now = [100.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])
    assert file.begin_again("KeyError: 'x'") is News.FAILED
    assert file.stopped == "KeyError: 'x'"
    assert values(file) == [1, 2]
    now[0] += room.RETRY_LAST
    assert file.look() is News.SOME
    assert values(file) == [1, 2]
    assert file.stopped == file.problem == ""


def test_what_was_taken_is_kept_no_longer(path: Path, file: GrowingFile) -> None:
    """Each scalar is handed out once; when the run asks for all of them, the file is read again from its beginning."""
    data = written(path, 1, 2, 3)
    path.write_bytes(data[:-40])
    file.look()
    assert file.take().scalars.value.tolist() == [1, 2]
    path.write_bytes(data)
    file.look()
    news = file.take()
    assert (news.scalars.value.tolist(), news.taken) == ([3], 2)
    assert file.take().scalars.value.tolist() == values(file) == []
    file.read_again()
    assert file.look() is News.SOME
    assert (values(file), file.void) == ([1, 2, 3], False)


def test_what_was_decoded_before_an_error_is_handed_on(
    path: Path, file: GrowingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes when the file's end is read again, and its run is taken before the next attempt."""
    written(path, 1, 2)
    now, asked, read = [0.0], [0], LocalFile.read

    def failing_read(opened: LocalFile, count: int, offset: int) -> bytes:
        asked[0] += 1
        if asked[0] == 2:
            raise OSError(5, os.strerror(5))
        return read(opened, count, offset)

    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(LocalFile, "read", failing_read)
    assert file.look() is News.FAILED
    taken = file.take().scalars.value.tolist()
    now[0] += room.RETRY_FIRST
    assert file.look() is News.SOME
    assert taken + file.take().scalars.value.tolist() == [1, 2]
