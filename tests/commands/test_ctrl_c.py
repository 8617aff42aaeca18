"""Ctrl-C ends a command at once, also while files are read that have no end in sight."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from logs import write_run
from support import running_cli, stop, wait_until

from tbbridge import export
from tbbridge.following.follower import Follower
from tbbridge.reading.reading import Reading
from tbbridge.write import parallel
from tbbridge.write.publish import Publisher

BEGUN = 200_000_000
"""Bytes: so many are read only of the huge files."""


@pytest.mark.parametrize("words", [["check"], ["export", "--out", "csv"], ["wait", "--until", "finished"]], ids=str)
def test_ctrl_c_ends_a_command_that_reads_huge_files(words: list[str], tmp_path: Path) -> None:
    """Two files of a TiB, most of it a hole, each read by a thread: what the signal leaves behind is not awaited."""
    for name in ("one", "other"):
        os.truncate(write_run(tmp_path / "logs" / name, loss=[(0, 0.5), (1, 0.25)]), 1 << 40)
    with running_cli(words[0], "logs", *words[1:], output=tmp_path / "said", cwd=tmp_path) as process:
        counts = Path(f"/proc/{process.pid}/io")
        wait_until(lambda: int(re.findall(r"rchar: (\d+)", counts.read_text())[0]) > BEGUN, what="reading")
        assert stop(process) == 130
    assert (tmp_path / "said").read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "said"]


def test_what_nobody_publishes_is_not_read_to_its_end(tmp_path: Path) -> None:
    """The end of a follower reads on for the tables that it keeps, and for no other reason; here the clock stands."""
    os.truncate(write_run(tmp_path, loss=[(0, 0.5)]), 1 << 40)
    follower = Follower(tmp_path, clock=lambda: 0.0)
    follower.finish()
    assert follower.logs.unfinished


def test_ctrl_c_is_quiet_where_what_was_printed_cannot_be_written() -> None:
    """The reader of a pipe gets Ctrl-C, too, and may end first; here it is a full device."""
    program = """if True:
        from tbbridge import cli
        from tbbridge.commands import check_
        def run(args):
            print("a line that is still to be written")
            raise KeyboardInterrupt
        check_.run = run
        cli.main()
    """
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program, "check", "logs"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            text=True,
        )
    assert (done.returncode, done.stderr) == (130, "")


def test_ctrl_c_awaits_the_run_logs_that_are_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is, so that none leaves a temporary file; what has not begun is not awaited."""
    for number in range(4 * parallel.WRITERS):
        write_run(tmp_path / "logs" / str(number), loss=[(0, 0.5)])
    begun, slow, publish_all = threading.Event(), threading.Event(), Publisher.publish_all
    first_texts, done = Reading.first_texts, list[str]()

    def publish_slowly(publisher: Publisher, texts: Mapping[str, bytes]) -> object:
        begun.set()
        assert slow.wait(30)
        result = publish_all(publisher, texts)
        done.extend(result)
        return result

    def interrupted(reading: Reading) -> object:
        texts = iter(first_texts(reading))
        yield from (next(texts) for _ in range(3 * parallel.WRITERS))
        assert begun.wait(30)
        threading.Timer(0.2, slow.set).start()
        raise KeyboardInterrupt

    monkeypatch.setattr(parallel, "LAST_MOMENT", 0.0)
    monkeypatch.setattr(parallel, "TOGETHER", 2)
    monkeypatch.setattr(Publisher, "publish_all", publish_slowly)
    monkeypatch.setattr(Reading, "first_texts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path / "logs", tmp_path / "out/")
    assert done
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{name}.csv" for name in done)
