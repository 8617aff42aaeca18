"""kill -9 at every system call of a publish, by strace: the file is old or new, and whole; the next start repairs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tbbridge.write.atomic import TEMPORARY
from tbbridge.write.publish import Publisher

OLD, NEW = b"step\n1\n" * 1000, b"step\n2\n" * 2000
BEGIN, END = "/the-publish-begins", "/the-publish-ends"

PROGRAM = f"""
import os, sys
from tbbridge.write.publish import Publisher
publisher = Publisher(sys.argv[1])
os.access({BEGIN!r}, 0)
publisher.publish("a/exp", b"step\\n2\\n" * 2000)
publisher.close()
os.access({END!r}, 0)
"""
STARTED = [sys.executable, "-c", PROGRAM]
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def strace(trace: Path, *options: str, out: Path) -> int:
    """Run the publish under strace; returns its exit code (negative: a signal)."""
    arguments = ["strace", "-f", "-o", str(trace), *options, *STARTED, str(out)]
    return subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, check=False).returncode


def calls_of_a_publish(trace: Path) -> list[tuple[str, int]]:
    """Each system call of the publish: its name, and the how many-th of that name it is in the process."""
    seen: Counter[str] = Counter()
    inside, calls = False, []
    for line in trace.read_text().splitlines():
        if not (found := re.match(r"\d+ +(\w+)\(", line)):
            continue
        seen[found[1]] += 1
        inside = (inside or BEGIN in line) and END not in line
        if inside and BEGIN not in line:
            calls.append((found[1], seen[found[1]]))
    return calls


def prepare(out: Path) -> None:
    with Publisher(out) as publisher:
        publisher.publish("a/exp", OLD)


def test_a_kill_at_any_system_call_leaves_old_or_new(tmp_path: Path) -> None:
    """After it the file is one of the two versions; the next start leaves the new one, and no temporary file."""
    prepare(tmp_path / "out")
    assert strace(tmp_path / "trace", out=tmp_path / "out") == 0
    calls = calls_of_a_publish(tmp_path / "trace")
    names = [name for name, _ in calls]
    assert {"write", "fsync", "openat", "close"} <= set(names)
    assert any(name.startswith("rename") for name in names)
    outcomes = Counter()
    for number, (name, nth) in enumerate(calls):
        out = tmp_path / f"out{number}"
        prepare(out)
        code = strace(tmp_path / "trace", "-e", f"inject={name}:signal=KILL:when={nth}", out=out)
        assert code in (-9, 137), f"{name} {nth} did not kill"
        left = (out / "a/exp.csv").read_bytes()
        outcomes["old" if left == OLD else "new" if left == NEW else "torn"] += 1
        with Publisher(out) as publisher:
            publisher.publish("a/exp", NEW)
        assert (out / "a/exp.csv").read_bytes() == NEW
        assert not [path for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]
    assert outcomes["torn"] == 0
    assert min(outcomes["old"], outcomes["new"]) > 0


@pytest.mark.parametrize(
    ("call", "error"),
    [("fsync", "EIO"), ("write", "ENOSPC"), ("write", "EDQUOT"), ("write", "EIO"), ("/rename.*", "ENOSPC")],
)
def test_an_injected_error_of_the_kernel_leaves_the_old(tmp_path: Path, call: str, error: str) -> None:
    """The same as the kernel itself would do it: no rename after a failed fsync, and no second fsync of that file."""
    out, trace = tmp_path / "out", tmp_path / "trace"
    prepare(out)
    assert strace(trace, "-e", f"inject={call}:error={error}:when=1+", out=out) == 1
    text = trace.read_text()
    assert (out / "a/exp.csv").read_bytes() == OLD
    assert not [path for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]
    if call == "fsync":
        assert len(re.findall(r"^\d+ +fsync\(", text, re.MULTILINE)) == 1
        assert not re.search(r"^\d+ +rename", text, re.MULTILINE)
