"""The atomic replace and the lock: old or new, and whole; one tbbridge a directory; only our own files are touched."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tbbridge.core.errors import LockedError, PathError, PublishError
from tbbridge.write.atomic import TEMPORARY
from tbbridge.write.names import file_names
from tbbridge.write.publish import Publisher

OLD, NEW = b"step\n1\n" * 100, b"step\n2\n" * 200


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def publisher(out: Path) -> Iterator[Publisher]:
    with Publisher(out) as one:
        yield one


def temporaries(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]


def test_a_file_is_replaced_whole(publisher: Publisher, out: Path) -> None:
    """A reader that holds the old one keeps it; the name leads to the new one."""
    publisher.publish("exp", OLD)
    with open(out / "exp.csv", "rb") as reader:
        publisher.publish("exp", NEW)
        assert reader.read() == OLD
    assert (out / "exp.csv").read_bytes() == NEW
    assert not temporaries(out)


def test_nested_experiments_get_directories(publisher: Publisher, out: Path) -> None:
    """``a/b`` is the file b.csv in the directory a."""
    assert publisher.publish("a/b", OLD) == out / "a/b.csv"
    assert (out / "a/b.csv").read_bytes() == OLD


def test_unchanged_bytes_are_not_written_again(publisher: Publisher, out: Path) -> None:
    """Neither in one process nor after a restart."""
    publisher.publish("exp", OLD)
    inode = (out / "exp.csv").stat().st_ino
    publisher.publish("exp", OLD)
    publisher.close()
    with Publisher(out) as again:
        again.publish("exp", OLD)
    assert (out / "exp.csv").stat().st_ino == inode


@pytest.mark.parametrize("edit", ["append", "delete", "replace", "link"])
def test_what_others_change_is_noticed_and_written_again(publisher: Publisher, out: Path, edit: str) -> None:
    """Edited, deleted, replaced: the next publish restores it, though the bytes to publish are the same."""
    path = publisher.publish("exp", OLD)
    publisher.publish("other", OLD)
    if edit == "append":
        path.write_bytes(OLD + b"x")
    else:
        path.unlink()
    if edit == "replace":
        path.write_bytes(OLD)
    if edit == "link":
        path.symlink_to(out / "other.csv")
    assert publisher.changed_by_others() == ["exp"]
    publisher.publish("exp", OLD)
    assert path.read_bytes() == OLD
    assert not path.is_symlink()
    assert publisher.changed_by_others() == []


def test_nothing_is_written_through_a_link(publisher: Publisher, out: Path, tmp_path: Path) -> None:
    """A link in the place of the file is replaced, one in the place of a directory refused."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (out / "exp.csv").symlink_to(victim)
    publisher.publish("exp", NEW)
    assert victim.read_bytes() == b"mine"
    (tmp_path / "elsewhere").mkdir()
    (out / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PublishError, match="cannot write"):
        publisher.publish("a/b", NEW)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_under_a_temporary_name_is_not_followed(
    publisher: Publisher, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever guesses the name gains nothing: that attempt fails, the next one has another name."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    monkeypatch.setattr("tbbridge.write.atomic._counter", itertools.count(10**6))
    (out / f".tbbridge-{os.getpid()}-{10**6}.tmp").symlink_to(victim)
    with pytest.raises(PublishError, match="File exists"):
        publisher.publish("exp", NEW)
    publisher.publish("exp", NEW)
    assert victim.read_bytes() == b"mine"


def test_a_private_file_stays_private(publisher: Publisher, out: Path) -> None:
    """Permissions that the user set survive the replace."""
    publisher.publish("exp", OLD)
    (out / "exp.csv").chmod(0o600)
    publisher.publish("exp", NEW)
    assert stat.S_IMODE((out / "exp.csv").stat().st_mode) == 0o600


def test_a_second_tbbridge_on_the_directory_refuses(publisher: Publisher, out: Path) -> None:
    """It says what to do; when the first one ends, the directory is free, and it is gone, since it held nothing."""
    with pytest.raises(LockedError, match=r"another tbbridge publishes into .*: stop it, or choose another place with"):
        Publisher(out)
    publisher.close()
    Publisher(out).close()
    assert not out.exists()


def test_nothing_is_written_in_the_log_directory(tmp_path: Path) -> None:
    """Neither as the target, nor below it, nor through a link, nor by an experiment's name."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (tmp_path / "link").symlink_to(logs)
    for out in (logs, logs / "csv", tmp_path / "link/csv"):
        with pytest.raises(PathError, match="lies in the log directory"):
            Publisher(out, keep_out=logs)
    with Publisher(tmp_path, keep_out=logs) as publisher, pytest.raises(PublishError, match="log directory"):
        publisher.publish("logs/exp", NEW)
    assert list(logs.iterdir()) == []


def test_only_our_own_stale_temporary_files_are_removed(out: Path) -> None:
    """Those of a killed tbbridge, in the target and in the directories that are published into."""
    (out / "a").mkdir(parents=True)
    for name in (".tbbridge-1-1.tmp", "a/.tbbridge-99-7.tmp", ".tbbridge-x.tmp", "mine.tmp", ".tbbridge-1-1.tmp.bak"):
        (out / name).write_bytes(b"")
    (out / ".tbbridge-2-2.tmp").symlink_to("mine.tmp")
    with Publisher(out) as publisher:
        publisher.publish("a/b", NEW)
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() or path.is_symlink())
    assert left == [".tbbridge-1-1.tmp.bak", ".tbbridge-2-2.tmp", ".tbbridge-x.tmp", "a/b.csv", "mine.tmp"]


def test_stale_temporary_files_go_where_nothing_is_published_any_more_too(out: Path, tmp_path: Path) -> None:
    """At the start, in all directories but the log directory and linked ones; what is being written stays."""
    places = ["", "a", "a/b/c", "others/d", "logs/e", "link"]
    (tmp_path / "linked").mkdir()
    out.mkdir()
    (out / "link").symlink_to(tmp_path / "linked")
    for place in places:
        (out / place).mkdir(parents=True, exist_ok=True)
        (out / place / ".tbbridge-1-1.tmp").write_bytes(b"")
    (out / "others/d/.tbbridge-1-2.tmp").write_bytes(b"")
    with open(out / "others/d/.tbbridge-1-2.tmp", "rb") as written:
        fcntl.flock(written, fcntl.LOCK_EX)
        Publisher(out, keep_out=out / "logs").close()
    left = [str(path.relative_to(out)) for path in temporaries(out)]
    assert sorted(left) == ["logs/e/.tbbridge-1-1.tmp", "others/d/.tbbridge-1-2.tmp"]
    assert (tmp_path / "linked/.tbbridge-1-1.tmp").exists()


def test_a_target_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    """A file in its place, or a place that cannot be written: one line, and what to do."""
    (tmp_path / "file").write_bytes(b"")
    for out in (tmp_path / "file", tmp_path / "file/csv", Path("/proc/csv")):
        with pytest.raises(PathError, match=r"cannot write into .*; choose another place with out="):
            Publisher(out)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("open", errno.EACCES),
        ("open", errno.EMFILE),
        ("write", errno.ENOSPC),
        ("write", errno.EDQUOT),
        ("write", errno.EIO),
        ("fsync", errno.EIO),
        ("fsync", errno.ENOSPC),
        ("replace", errno.ENOSPC),
        ("replace", errno.EROFS),
    ],
)
def test_after_an_error_the_old_file_stays_and_the_next_try_succeeds(
    publisher: Publisher, out: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """No temporary file is left; the next try uses a new one, since an fsync that failed once proves nothing later."""
    publisher.publish("exp", OLD)
    real, used = getattr(os, call), []

    def fail(*args: object, **kwargs: object) -> object:
        if call == "open" and not str(args[0]).endswith(".tmp"):
            return real(*args, **kwargs)
        used.append(args[0])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(PublishError, match=os.strerror(code)) as failure:
        publisher.publish("exp", NEW)
    monkeypatch.setattr(os, call, real)
    assert used
    assert "the old version stays" in str(failure.value)
    assert (out / "exp.csv").read_bytes() == OLD
    assert not temporaries(out)
    publisher.publish("exp", NEW)
    assert (out / "exp.csv").read_bytes() == NEW


def test_of_files_that_are_published_together_one_that_fails_stops_no_other(publisher: Publisher, out: Path) -> None:
    """A directory in the place of one of them is told; the others are there, and unchanged ones are not written."""
    publisher.publish("same", OLD)
    before = (out / "same.csv").stat()
    (out / "bad.csv").mkdir()
    done = publisher.publish_all({"a": NEW, "bad": NEW, "same": OLD, "deep/b": NEW})
    assert list(done) == ["a", "bad", "same", "deep/b"]
    assert (done["a"], done["deep/b"]) == (out / "a.csv", out / "deep/b.csv")
    assert re.search(r"cannot write .*bad\.csv: .*; the old version stays", str(done["bad"]))
    assert (out / "a.csv").read_bytes() == (out / "deep/b.csv").read_bytes() == NEW
    assert os.path.samestat(before, (out / "same.csv").stat())
    assert not temporaries(out)


def test_an_interruption_leaves_no_temporary_file_of_any(
    publisher: Publisher, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the second of three is synchronized: the first is new, the others are old."""
    names = ["a", "b", "c"]
    publisher.publish_all(dict.fromkeys(names, OLD))
    asked: list[int] = []

    def synchronize(descriptor: int) -> None:
        asked.append(descriptor)
        if len(asked) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", synchronize)
    with pytest.raises(KeyboardInterrupt):
        publisher.publish_all(dict.fromkeys(names, NEW))
    monkeypatch.undo()
    assert [(out / f"{name}.csv").read_bytes() for name in names] == [NEW, OLD, OLD]
    assert not temporaries(out)
    assert all(not os.path.exists(f"/proc/self/fd/{descriptor}") for descriptor in asked)


def test_short_writes_are_completed(publisher: Publisher, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it is given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    publisher.publish("exp", NEW)
    assert (out / "exp.csv").read_bytes() == NEW


def limited(out: Path, size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_size_limit_is_an_error_like_any_other(out: Path) -> None:
    """EFBIG by the kernel itself, in a process of its own: the old version stays."""
    program = f"""
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tbbridge.core.errors import PublishError
from tbbridge.write.publish import Publisher
with Publisher({str(out)!r}) as publisher:
    publisher.publish("exp", b"old")
    try: publisher.publish("exp", b"x" * 5000)
    except PublishError as error: print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, preexec_fn=limited(out, 1000)
    )
    assert "File too large; the old version stays" in done.stdout
    assert (out / "exp.csv").read_bytes() == b"old"
    assert not temporaries(out)


def test_several_threads_name_their_files_one_after_the_other(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None forgets what another has chosen meanwhile."""

    def slow(*args: object, **kwargs: object) -> dict[str, str]:
        found = file_names(*args, **kwargs)  # type: ignore[arg-type]
        time.sleep(0.01)
        return found

    monkeypatch.setattr("tbbridge.write.publish.file_names", slow)
    names = list("abcdefgh")
    with Publisher(out) as publisher, ThreadPoolExecutor(len(names)) as pool:
        paths = list(pool.map(lambda name: publisher.publish(name, name.encode()), names))
    assert [path.read_bytes() for path in paths] == [name.encode() for name in names]


def test_a_deleted_target_is_made_again_and_locked_again(publisher: Publisher, out: Path) -> None:
    """Also when somebody else made it again."""
    publisher.publish("a/b", OLD)
    shutil.rmtree(out)
    publisher.publish("a/b", OLD)
    assert (out / "a/b.csv").read_bytes() == OLD
    shutil.rmtree(out)
    out.mkdir()
    publisher.publish("exp", OLD)
    with pytest.raises(LockedError):
        Publisher(out)


def test_a_directory_in_the_files_place_is_an_error(publisher: Publisher, out: Path) -> None:
    """It is the user's: it is not removed."""
    (out / "exp.csv").mkdir()
    with pytest.raises(PublishError, match=r"cannot write .*exp\.csv"):
        publisher.publish("exp", NEW)
    assert not temporaries(out)


def test_a_published_file_can_be_removed(publisher: Publisher, out: Path) -> None:
    """Removing what is not there is fine."""
    publisher.publish("exp", OLD)
    publisher.remove("exp")
    publisher.remove("exp")
    assert not (out / "exp.csv").exists()
    assert publisher.changed_by_others() == []


def test_closing_makes_the_renames_durable(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every directory that was published into is synchronized, and those in which a directory was made."""
    synchronized: list[int] = []
    publisher = Publisher(out)
    publisher.publish("a/b", NEW)
    publisher.publish("exp", NEW)
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synchronized.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    publisher.close()
    assert synchronized == [path.stat().st_ino for path in (out.parent, out, out / "a")]
    publisher.close()


def test_a_file_that_case_alone_tells_apart_is_never_overwritten(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system where case does not matter, the later name gets a suffix, until it is alone."""
    monkeypatch.setattr("tbbridge.write.publish.case_matters", lambda _: False)
    with Publisher(out) as publisher:
        publisher.expect(["run", "Run"])
        paths = {publisher.publish(name, name.encode()) for name in ("run", "Run")}
        assert len({str(path).casefold() for path in paths}) == 2
        assert sorted(path.read_bytes() for path in paths) == [b"Run", b"run"]
        publisher.remove("Run")
        assert [(path.name, path.read_bytes()) for path in out.iterdir()] == [("run.csv", b"run")]
        assert publisher.publish("run", b"more").name == "run.csv"


def test_a_file_gets_another_name_when_one_that_case_alone_tells_apart_comes(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there in the end does not depend on which experiment came first; an edited file stays where it is."""
    monkeypatch.setattr("tbbridge.write.publish.case_matters", lambda _: False)
    names = ["stra\u00dfe", "strasse", "STRASSE", "cafe\u0301", "caf\u00e9"]
    with Publisher(out) as publisher:
        for name in names:
            publisher.publish(name, name.encode())
        assert publisher.changed_by_others() == []
        publisher.publish("b", b"ours")
        (out / "b.csv").write_bytes(b"edited")
        publisher.publish("B", b"another")
    found = {path.name: path.read_bytes() for path in out.iterdir()}
    assert found.pop("b.csv") == b"edited"
    assert found.pop("B.csv") == b"another"
    assert found == {file: name.encode() for name, file in file_names(names, case_matters=False).items()}


def test_where_the_system_lacks_fcntl_a_file_is_the_lock(out: Path) -> None:
    """As on Windows: published whole, a second tbbridge refuses, and the directory is free in the end."""
    program = f"""
import os, sys, warnings
sys.modules["fcntl"] = None
for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "fwalk", "fchmod"): delattr(os, name)
warnings.simplefilter("ignore")
from tbbridge.core.errors import LockedError
from tbbridge.write.publish import Publisher
with Publisher({str(out)!r}) as publisher:
    publisher.publish("a/exp", b"old")
    publisher.publish("a/exp", b"new")
    try: Publisher({str(out)!r})
    except LockedError as error: print(error)
Publisher({str(out)!r}).close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "another tbbridge publishes into" in done.stdout
    assert (out / "a/exp.csv").read_bytes() == b"new"
    assert not temporaries(out)


def test_a_new_target_into_which_nothing_was_published_goes(tmp_path: Path) -> None:
    """A mistyped log directory leaves nothing behind; a directory that was there, or holds something, stays."""
    with Publisher(tmp_path / "a/b"):
        assert (tmp_path / "a/b").is_dir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    for name in ("empty", "full/b"):
        with Publisher(tmp_path / name) as publisher:
            if name != "empty":
                publisher.publish("x", b"step\n")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "empty", "full", "x.csv"]
