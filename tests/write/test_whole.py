"""One named file, whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbbridge.errors import PathError, PublishError, UsageError
from tbbridge.write.whole import check_target, write_whole


def test_the_chunks_are_the_file(tmp_path: Path) -> None:
    """All chunks, in order; the size is returned and nothing else is left in the directory."""
    assert write_whole(tmp_path / "a.csv", [b"one", b"", b"two"]) == 6
    assert (tmp_path / "a.csv").read_bytes() == b"onetwo"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_an_error_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    """What makes the chunks may fail: the old file stands, no temporary file stays."""

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("no more")

    (tmp_path / "a.csv").write_bytes(b"old")
    with pytest.raises(RuntimeError):
        write_whole(tmp_path / "a.csv", broken())
    assert (tmp_path / "a.csv").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path: Path) -> None:
    """A write that the system refuses (here: a limit on the file's size) is one clear error."""
    (tmp_path / "a.csv").write_bytes(b"old")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(PublishError, match=r"a\.csv: File too large"):
            write_whole(tmp_path / "a.csv", [b"x" * 900] * 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "a.csv").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_pipe_is_written_through(tmp_path: Path) -> None:
    """What is no regular file (a device, a named pipe) is never replaced, whoever runs us."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, [b"some", b"thing"])
        assert os.read(reader, 100) == b"something"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The link's target is replaced."""
    (tmp_path / "real.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_whole(tmp_path / "link.csv", [b"new"])
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"new"


def test_targets_that_are_refused(tmp_path: Path) -> None:
    """An existing file without force, a directory, a missing directory, and anything in the log directory."""
    (tmp_path / "there.csv").write_bytes(b"")
    with pytest.raises(UsageError, match="--force"):
        check_target(tmp_path / "there.csv")
    check_target(tmp_path / "there.csv", force=True)
    with pytest.raises(PathError, match="is a directory"):
        check_target(tmp_path)
    with pytest.raises(PathError, match="does not exist"):
        check_target(tmp_path / "no" / "a.csv")
    with pytest.raises(PathError, match="log directory"):
        check_target(tmp_path / "a.csv", keep_out=tmp_path)
