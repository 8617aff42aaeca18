"""One named file, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbbridge.core.errors import PathError, PublishError, UsageError
from tbbridge.write.atomic import check_target, write_whole


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
    with pytest.raises(UsageError, match="force=True"):
        check_target(tmp_path / "there.csv")
    check_target(tmp_path / "there.csv", force=True)
    with pytest.raises(PathError, match="is a directory"):
        check_target(tmp_path)
    with pytest.raises(PathError, match="does not exist"):
        check_target(tmp_path / "no" / "a.csv")
    with pytest.raises(PathError, match="log directory"):
        check_target(tmp_path / "a.csv", keep_out=tmp_path)


WRITER = """
import sys, time
from pathlib import Path
from tbbridge.write.atomic import write_whole

def chunks():
    yield b"half"
    print("half written", flush=True)
    sys.stdin.read()
    yield b" and half"

write_whole(Path(sys.argv[1]), chunks())
"""


@contextlib.contextmanager
def half_written(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has written half of the file, and the rest when its input ends."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half written\n"
        try:
            yield process
        finally:
            process.kill()


def write_in_a_new_process(path: Path) -> None:
    """What the next export does: it is another process."""
    line = "import pathlib, sys, tbbridge.write.atomic as w; w.write_whole(pathlib.Path(sys.argv[1]), [b'x'])"
    subprocess.run([sys.executable, "-c", line, str(path)], check=True)


def test_what_a_killed_export_left_goes_with_the_next_one(tmp_path: Path) -> None:
    """After kill -9 in the midst of it; what another export is writing just then stays, and becomes whole."""
    with half_written(tmp_path / "killed.csv") as killed, half_written(tmp_path / "alive.csv") as alive:
        killed.kill()
        killed.wait()
        (tmp_path / ".tbbridge-notes.tmp").touch()
        assert len(os.listdir(tmp_path)) == 3
        write_in_a_new_process(tmp_path / "next.csv")
        assert len(os.listdir(tmp_path)) == 3
        assert {"next.csv", ".tbbridge-notes.tmp"} < set(os.listdir(tmp_path))
        alive.stdin.close()
        assert alive.wait(timeout=20) == 0
    assert sorted(os.listdir(tmp_path)) == [".tbbridge-notes.tmp", "alive.csv", "next.csv"]
    assert (tmp_path / "alive.csv").read_bytes() == b"half and half"


def test_what_only_looks_like_a_temporary_file_is_not_opened(tmp_path: Path) -> None:
    """A FIFO, a link and a directory with such a name neither stop a write nor go."""
    os.mkfifo(tmp_path / ".tbbridge-1-whole-1.tmp")
    (tmp_path / ".tbbridge-1-whole-2.tmp").mkdir()
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / ".tbbridge-1-whole-3.tmp").symlink_to(tmp_path / "mine")
    write_in_a_new_process(tmp_path / "next.csv")
    assert len(os.listdir(tmp_path)) == 5
    assert (tmp_path / "mine").read_bytes() == b"mine"
