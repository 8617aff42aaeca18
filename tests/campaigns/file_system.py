"""Tables of runs with hostile names, written into a directory of some file system: each is there, and its own.

    mount -o loop,utf8 disk.img /mnt; python tests/campaigns/file_system.py /mnt

Each run's loss is a number that no other run has, and so each table says whose it is. First `tbbridge export` writes
all of them, then `tbbridge watch` does, whose second half of the runs appears while it runs.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import tbbridge
from tbbridge.write.events import EventWriter

NAMES = [
    *(f"a{character}b" for character in ':?*<>|"\\'),
    *("a.", "a ", "a. .", "a...", "dir./x", "dir /x", ".hidden", " a", "a\nb", "a\tb", "%41", "100%", "~", "$x"),
    *("CON", "con.", "nul", "NUL.x", "com1.csv", "com0", "COM\N{SUPERSCRIPT ONE}", "lpt9/aux", "prn .x", "CONIN$"),
    *("Case", "case", "CASE", "Dir/x", "dir/x", "DIR/y", "case.CSV/x", "case.csv/x", "summary", "Summary", "SUMMARY"),
    *("caf\u00e9", "cafe\u0301", "CAF\u00c9", "stra\u00dfe", "strasse", "STRASSE", "\N{SNOWMAN}", "\U0001f4a9"),
    *("long name of a run", "LONGNA~1", "LONGNA~2", "long name of another", "longna~1.log/x", "CUT%~x"),
    *("x" * 255, "x" * 254 + "X", "y" * 251, "\N{SNOWMAN}" * 85, ":" * 255, "\udcff\udcfe", "run.TFEVENTS"),
    "/".join(["deep" * 50] * 7),
]
"""Of runs, each an experiment: what VFAT or NTFS refuse, drop, fold, take for devices, or have a second name for."""


def write_run(logs: Path, number: int) -> None:
    """Write the run of a name: three steps, whose losses are its number."""
    folder = logs / NAMES[number]
    folder.mkdir(parents=True)
    writer = EventWriter(folder / "events.out.tfevents.1", wall_time=1000.0)
    for step in range(3):
        writer.scalar("loss", step, 1000.0 + step, float(number))
    writer.flush()


def owners(out: Path) -> Counter[int]:
    """How many tables below a directory are those of each run, by its number."""
    found: Counter[int] = Counter()
    for path in out.rglob("*.csv"):
        if path.is_file() and path != out / "summary.csv":
            rows = [line.split(",")[1:] for line in path.read_text().splitlines()[1:]]
            (value,) = {cell for row in rows for cell in row if cell}
            assert len(rows) == 3, path
            found[int(float(value))] += 1
    return found


def check(out: Path) -> None:
    """Each run has one table, and no other is there."""
    found = owners(out)
    missing = [name for number, name in enumerate(NAMES) if not found[number]]
    assert not missing, f"{out}: no table, or another was written over it: {missing}"
    assert set(found.values()) == {1}, f"written twice: {[NAMES[number] for number in found if found[number] > 1]}"


def watched(logs: Path, out: Path) -> None:
    """Watch the log directory, whose second half is written meanwhile, until all tables are there."""
    command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), "--no-viewer"]
    watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for half in (0, 1):
            for number in range(half, len(NAMES), 2):
                write_run(logs, number)
            end = time.monotonic() + 60
            while len(owners(out)) < (half + 1) * len(NAMES) / 2 and time.monotonic() < end:
                time.sleep(0.2)
    finally:
        watch.send_signal(signal.SIGINT)
    assert watch.wait(60) == 0


def main() -> None:
    """Watch and export into the directory, and look at what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="an empty one, on the file system that is tried")
    out = parser.parse_args().directory
    with tempfile.TemporaryDirectory() as folder:
        watched(Path(folder), out / "watched")
        check(out / "watched")
        tbbridge.export(folder, out / "exported")
    check(out / "exported")
    print(f"{len(NAMES)} runs, watched and exported: each has its table")


if __name__ == "__main__":
    main()
