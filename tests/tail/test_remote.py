"""Log directories behind URLs, on fsspec's file system in memory."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from logs import write_run
from support import wait_until

import tbbridge
from tbbridge.cli import main
from tbbridge.core.errors import UsageError
from tbbridge.decode import Decoder
from tbbridge.tail.file import MARKER, GrowingFile, News
from tbbridge.tail.logdir import EventPath
from tbbridge.tail.remote import RemoteStorage
from tbbridge.tail.storage import is_url, open_storage, without_password

ROOT = "memory://bucket/logs"
FILE = EventPath(f"{ROOT}/exp/train/events.out.tfevents.1.host", "exp/train/events.out.tfevents.1.host")


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    """An empty file system, and an instance of its own: pytest leaves what was patched in one where it was."""
    fs = fsspec.filesystem("memory")
    yield fs
    type(fs).clear_instance_cache()
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    """An event file of 1000 scalars."""
    return write_run(tmp_path, loss=[(step, step / 8) for step in range(1000)]).read_bytes()


class Requests:
    """Counts the bytes that a storage's file system is asked for."""

    def __init__(self, storage: RemoteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[int, int]] = []
        real = storage.fs.cat_file

        def cat_file(path: str, start: int, end: int) -> bytes:
            self.asked.append((start, end))
            return bytes(real(path, start=start, end=end))

        monkeypatch.setattr(storage.fs, "cat_file", cat_file)


def put(fs: fsspec.AbstractFileSystem, data: bytes, place: EventPath = FILE) -> None:
    fs.pipe_file(place.path.removeprefix("memory:/"), data)


def look_on(file: GrowingFile) -> News:
    """The first answer that is not that there is more."""
    while (news := file.look()) is News.MORE:
        pass
    return news


def listed(memory: fsspec.AbstractFileSystem, data: bytes) -> tuple[RemoteStorage, GrowingFile]:
    """A store with one file of these bytes, and that file."""
    storage = RemoteStorage(ROOT)
    put(memory, data)
    storage.discover()
    return storage, GrowingFile(storage, FILE, Decoder)


def values(file: GrowingFile) -> list[float]:
    return [float(value) for value in file.log.scalars.value]


@pytest.mark.parametrize(
    ("root", "url"),
    [("s3://b/logs", True), ("gs://b", True), ("logs", False), ("/a/logs", False), ("C:\\logs", False), ("a:b", False)],
)
def test_what_is_a_url(root: str, url: bool) -> None:
    """A scheme and two slashes; a path is none, whatever its name."""
    assert is_url(root) is url
    assert not is_url(Path(root))


def test_a_listing_of_one_file_may_be_its_name_alone(
    memory: fsspec.AbstractFileSystem, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure's `find` gives a list of names, not their details, when it is asked about a file."""
    put(memory, data)
    storage = RemoteStorage(FILE.path)
    monkeypatch.setattr(storage.fs, "async_impl", True)
    monkeypatch.setattr(storage.fs, "find", lambda path, detail: [path])
    (found,) = storage.discover().runs["."]
    assert storage.stat(found.path).size == len(data)


def test_runs_are_listed_as_on_a_disk(memory: fsspec.AbstractFileSystem) -> None:
    """Event files by run, other files left out, the root's own run is ``.``."""
    for name in ("events.out.tfevents.1.host", "exp/train/events.out.tfevents.2.host", "exp/train/model.pt"):
        memory.pipe_file(f"/bucket/logs/{name}", b"x")
    listing = RemoteStorage(ROOT).discover()
    assert {run: [file.name for file in files] for run, files in listing.runs.items()} == {
        ".": ["events.out.tfevents.1.host"],
        "exp/train": ["exp/train/events.out.tfevents.2.host"],
    }
    assert not listing.missing
    assert not listing.problems


def test_an_empty_prefix_is_missing(memory: fsspec.AbstractFileSystem) -> None:
    """A store has no empty directories: what holds nothing is not there yet."""
    assert RemoteStorage(ROOT).discover().missing


def test_only_new_bytes_are_fetched(
    memory: fsspec.AbstractFileSystem, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that grew costs its new bytes and the 64 before them; one that did not costs nothing."""
    storage = RemoteStorage(ROOT)
    cut = len(data) - 1000
    put(memory, data[:cut])
    storage.discover()
    file = GrowingFile(storage, FILE, Decoder)
    assert file.look() is News.SOME
    file.taken = True
    requests = Requests(storage, monkeypatch)
    storage.discover()
    assert file.look() is News.NONE
    assert requests.asked == []
    put(memory, data)
    storage.discover()
    assert file.look() is News.SOME
    assert requests.asked == [(cut - MARKER, len(data))]
    assert values(file) == [step / 8 for step in range(1000)]
    assert not file.void


@pytest.mark.parametrize("change", ["shorter", "another", "same size"])
def test_a_replaced_file_is_read_again(
    memory: fsspec.AbstractFileSystem, data: bytes, tmp_path: Path, change: str
) -> None:
    """Shorter, longer with another beginning, or changed without growing: it is read from its first byte."""
    storage, file = listed(memory, data)
    file.look()
    file.take()
    count = {"shorter": 10, "another": 2000, "same size": 1000}[change]
    put(memory, write_run(tmp_path, "2", loss=[(step, 9) for step in range(count)]).read_bytes())
    storage.discover()
    look_on(file)
    assert values(file) == [9] * count
    assert file.void


def test_a_limit_is_kept_and_nothing_shows_before_the_end(
    memory: fsspec.AbstractFileSystem, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look reads a slice; `log` is what a look saw that reached the end."""
    monkeypatch.setattr("tbbridge.tail.remote.BLOCK", 4096)
    storage, file = listed(memory, data)
    requests = Requests(storage, monkeypatch)
    assert file.look(8192) is News.MORE
    assert len(requests.asked) <= 3
    assert values(file) == []
    looks = 1
    while file.look(8192) is News.MORE:
        looks += 1
        assert values(file) == []
    assert looks == len(data) // 8192
    assert len(values(file)) == 1000


def test_a_file_that_is_gone(memory: fsspec.AbstractFileSystem, data: bytes) -> None:
    """Gone from the listing, or between listing and reading."""
    storage, file = listed(memory, data)
    memory.rm("/bucket", recursive=True)
    assert file.look() is News.GONE
    assert storage.discover().missing
    assert file.look() is News.GONE


@pytest.mark.parametrize("readable", [0, 5000])
def test_a_file_that_its_writer_holds_open_in_hdfs(
    memory: fsspec.AbstractFileSystem, data: bytes, monkeypatch: pytest.MonkeyPatch, readable: int
) -> None:
    """The listing counts bytes of a block that nobody can read yet: what can be read counts, until there is more."""
    storage, file = listed(memory, data)
    storage.tells_too_much = True
    real = type(memory).cat_file
    with monkeypatch.context() as patch:
        patch.setattr(
            type(memory), "cat_file", lambda fs, path, start, end: real(fs, path, start=start, end=min(end, readable))
        )
        assert look_on(file) is (News.SOME if readable else News.NONE)
        assert file.log.size == readable
        for _ in range(2):
            storage.discover()
            assert look_on(file) is News.NONE
        assert file.problem == ""
    assert look_on(file) is News.SOME
    assert values(file) == [step / 8 for step in range(1000)]


@pytest.mark.parametrize("looked", [True, False])
def test_an_object_that_shrank_since_its_listing(memory: fsspec.AbstractFileSystem, data: bytes, looked: bool) -> None:
    """Fewer bytes than were listed are a failure that passes with the next listing, not bytes to wait for."""
    storage = RemoteStorage(ROOT)
    file = GrowingFile(storage, FILE, Decoder)
    if looked:
        put(memory, data[:5000])
        storage.discover()
        assert file.look() is News.SOME
    put(memory, data[:9000])
    storage.discover()
    put(memory, data[:4000])
    assert look_on(file) is News.FAILED
    assert file.problem == f"cannot read {FILE.name}: it is shorter than its listing says"
    storage.discover()
    wait_until(lambda: look_on(file) is News.SOME)
    assert file.log.size == 4000


def test_an_object_that_is_another_at_each_request(
    memory: fsspec.AbstractFileSystem, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look ends; a later one reads it again from its first byte."""
    monkeypatch.setattr("tbbridge.tail.remote.BLOCK", 4096)
    storage, file = listed(memory, data)
    with monkeypatch.context() as patch:
        patch.setattr(storage.fs, "cat_file", lambda path, start, end: os.urandom(end - start))
        assert file.look() is News.FAILED
        assert "changes while it is read" in file.problem
    wait_until(lambda: look_on(file) is News.SOME)
    assert len(values(file)) == 1000


@pytest.mark.parametrize("args", [["x.csv"], ["x/"], ["x/", "--layout", "long", "--format", "parquet"]])
def test_an_export_tells_what_went_after_the_listing(
    memory: fsspec.AbstractFileSystem,
    data: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
) -> None:
    """A bucket that is being emptied: exit code 1, a line for each file, and what was there is exported."""
    monkeypatch.chdir(tmp_path)
    put(memory, data)
    put(memory, data, EventPath(f"{ROOT}/gone/train/events.out.tfevents.1.host", ""))
    real = type(memory).cat_file

    def cat_file(fs: fsspec.AbstractFileSystem, path: str, **part: int) -> bytes:
        if "/gone/" in path:
            raise FileNotFoundError(path)
        return bytes(real(fs, path, **part))

    monkeypatch.setattr(type(memory), "cat_file", cat_file)
    assert main(["export", ROOT, "-o", *args]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if "gone/" in line]
    assert len(told) == 1
    assert "cannot read gone/train/events.out.tfevents.1.host: it was there a moment ago" in told[0]
    assert main(["check", ROOT]) == 1
    assert len(tbbridge.read_scalars(ROOT)) == 1000


def test_failures_are_one_line_and_pass(
    memory: fsspec.AbstractFileSystem, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing or a read that fails leaves what is known, says why, and succeeds later."""
    storage, file = listed(memory, data)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access\nDenied")

    with monkeypatch.context() as patch:
        patch.setattr(storage.fs, "cat_file", refuse)
        patch.setattr(storage.fs, "ls", refuse)
        assert file.look() is News.FAILED
        assert file.problem == "cannot read exp/train/events.out.tfevents.1.host: Access Denied"
        listing = storage.discover()
        assert listing.problems == [f"cannot list {ROOT}: Access Denied"]
        assert listing.unreadable == [ROOT]
        assert not listing.missing
    wait_until(lambda: file.look() is News.SOME)
    assert file.problem == ""


def test_an_unknown_kind_of_url() -> None:
    """One line that says what is wrong; a URL without a place is no host of that name."""
    with pytest.raises(UsageError, match="nosuch://x"):
        open_storage("nosuch://x")
    for url in ("s3://", "nosuch:///"):
        with pytest.raises(UsageError, match=f"{url} names no directory"):
            open_storage(url)


def test_one_request_at_a_time_where_more_would_wait_for_ever(
    memory: fsspec.AbstractFileSystem, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that is not made for several requests at a time, as SFTP's, gets one after the other."""
    for number in range(20):
        put(memory, data, EventPath(f"{ROOT}/{number}/events.out.tfevents.1.host", ""))
    real, busy = type(memory).cat_file, threading.Lock()

    def cat_file(fs: fsspec.AbstractFileSystem, path: str, **part: int) -> bytes:
        assert busy.acquire(blocking=False)
        time.sleep(0.001)
        busy.release()
        return bytes(real(fs, path, **part))

    monkeypatch.setattr(type(memory), "cat_file", cat_file)
    assert len(tbbridge.read_scalars(ROOT)) == 20_000
    assert tbbridge.check(ROOT).sound
    assert len(tbbridge.export(ROOT, tmp_path / "data", layout="long", format="parquet")) == 20


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sftp://me:secret@host:22/logs", "sftp://me:***@host:22/logs"),
        ("sftp://me@host/logs", "sftp://me@host/logs"),
        ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """What is told of a URL may stand on a page that is sent around."""
    assert without_password(url) == shown
    with pytest.raises(UsageError) as caught:
        open_storage(url.replace("sftp:", "nosuch:").replace("s3:", "nosuch:"))
    assert "secret" not in str(caught.value)


def test_a_url_of_an_unknown_kind_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`watch` ends with 2 before it makes the directory that it would publish into."""
    monkeypatch.chdir(tmp_path)
    assert main(["watch", "nosuch://a/b", "--no-viewer"]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_polls_take_a_tenth_of_the_time_at_most(
    memory: fsspec.AbstractFileSystem, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """A listing that makes us wait is asked for less often, also while there is no log directory."""
    if there:
        put(memory, data)
    real, begun, ended = type(memory).ls, [], []

    def slow(fs: fsspec.AbstractFileSystem, path: str, **options: bool) -> object:
        if path == "/bucket/logs":
            begun.append(time.monotonic())
            time.sleep(0.05)
            ended.append(time.monotonic())
        return real(fs, path, **options)

    monkeypatch.setattr(type(memory), "ls", slow)
    with tbbridge.Bridge(ROOT, tmp_path / "out", poll_interval=0.01):
        wait_until(lambda: len(begun) > 4)
    pauses = [begin - end for begin, end in zip(begun[1:5], ended, strict=False)]
    assert sum(pause > 0.4 for pause in pauses) >= 3  # one look follows another where something was new
