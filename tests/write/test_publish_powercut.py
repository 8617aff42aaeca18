"""What a power cut leaves of a publish: the system calls as they were made, and all that a file system may have lost.

The rules of the model are the weakest that POSIX leaves: what was written to a file is lost in whole or in part until
the file was synchronized; new names, renames and removals are lost, each for itself, until their directory was.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

SIZES = (5_000, 300_000, 70_000)
"""Bytes of the versions of each file, told apart by them."""

PROGRAM = f"""
import os, sys
from tbbridge.write.publish import Publisher
os.access("/the-publishing-begins", 0)
with Publisher(sys.argv[1]) as publisher:
    for size in {SIZES}:
        publisher.publish_all({{"exp": bytes(size), "a/b/run": bytes(size)}})
os.access("/the-publishing-ends", 0)
"""

CALLS = "access,openat,mkdir,mkdirat,write,fsync,/rename.*,/unlink.*"
PLACE = r"(?:AT_FDCWD|\d+)(?:<([^>]*)>)?"


class Call(NamedTuple):
    """A system call that matters: what it was, and on which paths."""

    what: str
    path: str
    target: str = ""
    size: int = 0


def traced(out: Path, trace: Path) -> list[Call]:
    """The calls of one process that publishes, in order."""
    program = [sys.executable, "-c", PROGRAM, str(out)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        ["strace", "-y", "-s", "500", "-e", f"trace={CALLS}", "-o", trace, *program], check=True, env=environment
    )
    lines = trace.read_text().splitlines()
    begin, end = (
        next(i for i, line in enumerate(lines) if f"publishing-{word}" in line) for word in ("begins", "ends")
    )
    return [call for line in lines[begin:end] if (call := understood(line))]


def understood(line: str) -> Call | None:
    """One line of strace's; None for what failed and what changes nothing."""
    if not (found := re.fullmatch(r"(\w+)\((.*)\) += (\d+)(?:<[^>]*>)?", line)):
        return None
    name, arguments, result = found.groups()
    if name in ("write", "fsync"):
        place = re.match(PLACE, arguments)
        assert place
        return Call(name, place[1], size=int(result) if name == "write" else 0)
    paths = [
        os.path.join(directory or "", path) for directory, path in re.findall(rf'(?:{PLACE}, )?"([^"]*)"', arguments)
    ]
    if name == "openat":
        return Call("create", paths[0]) if "O_CREAT" in arguments else None
    return Call(re.sub("at2?$", "", name), *paths)


class File:
    """What was written into one file, and how much of it is on the disk for certain."""

    def __init__(self) -> None:
        self.written = 0
        self.safe = 0


class Disk:
    """Names and files as the system sees them, and what of them a power cut may take back."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.pending: list[tuple[str, File | None]] = []
        self.safe: dict[str, File | None] = {}

    def do(self, call: Call) -> None:
        if call.what in ("create", "mkdir"):
            self._name(call.path, File())
        elif call.what == "write":
            self.files[call.path].written += call.size
        elif call.what == "rename":
            self._name(call.target, self.files[call.path])
            self._name(call.path, None)
        elif call.what == "unlink":
            self._name(call.path, None)
        elif call.what == "fsync" and call.path in self.files and self.files[call.path].written:
            self.files[call.path].safe = self.files[call.path].written
        elif call.what == "fsync":
            self.safe |= {path: file for path, file in self.pending if os.path.dirname(path) == call.path}  # the last
            self.pending = [one for one in self.pending if os.path.dirname(one[0]) != call.path]

    def _name(self, path: str, file: File | None) -> None:
        self.pending.append((path, file))
        if file is None:
            del self.files[path]
        else:
            self.files[path] = file

    def after_a_cut(self, path: str) -> list[File | None]:
        """All that may stand under a name; None for nothing. Each name that is not safe is lost or not, for itself."""
        return [self.safe.get(path), *(file for name, file in self.pending if name == path)]

    def published(self) -> list[str]:
        """The names of published files, also of those that may be lost."""
        return sorted({path for path in (*self.safe, *(path for path, _ in self.pending)) if path.endswith(".csv")})

    def above(self, path: str) -> list[str]:
        """The directories in which a name lies, as far as they were made by the process."""
        made = {*self.safe, *(path for path, _ in self.pending)}
        return [str(directory) for directory in Path(path).parents if str(directory) in made]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    folder = tmp_path_factory.mktemp("cut")
    found = traced(folder / "new/out", folder / "trace")
    assert {"create", "mkdir", "write", "fsync", "rename"} <= {call.what for call in found}
    return found


def torn(calls: list[Call]) -> list[str]:
    """Where a cut after some call may leave a published file that is no whole version, all of it on the disk."""
    disk, found = Disk(), []
    for call in calls:
        disk.do(call)
        for path in disk.published():
            left = [file for file in disk.after_a_cut(path) if file is not None]
            found += [f"{path} after {call}" for file in left if file.safe != file.written or file.written not in SIZES]
    return found


def lost(calls: list[Call]) -> list[str]:
    """The files that may not be there in their last version after a cut at the end; and the directories above them."""
    disk = Disk()
    for call in calls:
        disk.do(call)
    paths = disk.published()
    assert [os.path.basename(path) for path in paths] == ["run.csv", "exp.csv"]
    old = [path for path in paths for file in disk.after_a_cut(path) if file is None or file.written != SIZES[-1]]
    return old + [above for path in paths for above in disk.above(path) if None in disk.after_a_cut(above)]


def test_a_power_cut_at_any_moment_leaves_whole_versions(calls: list[Call]) -> None:
    """Old or new (or none, before the first): never an empty file, never a part of one."""
    assert torn(calls) == []


def test_after_the_end_the_last_version_is_there_for_good(calls: list[Call]) -> None:
    """Also the directories that were made for it, and the names of those."""
    assert lost(calls) == []


def without(drop: Callable[[Call], bool], calls: list[Call]) -> list[Call]:
    return [call for call in calls if not drop(call)]


def test_the_model_sees_what_each_synchronization_is_for(calls: list[Call]) -> None:
    """Without those of the files versions are torn; without that of any one directory the last ones may be lost."""
    assert torn(without(lambda call: call.what == "fsync" and call.path.endswith(".tmp"), calls))
    directories = {call.path for call in calls if call.what == "fsync" and not call.path.endswith(".tmp")}
    assert len(directories) == 5  # above the target's parent, that, the target, and two below
    for directory in directories:
        assert lost(without(lambda call, gone=directory: call.what == "fsync" and call.path == gone, calls))  # type: ignore[misc]
