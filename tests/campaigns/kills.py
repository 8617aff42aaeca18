"""kill -9 of `tbbridge watch` at random moments while a training writes, many times over; then everything is compared.

    python tests/campaigns/kills.py --kills 1000

After each kill every published file is whole: its rows are a beginning of what was written. After the last start the
published bytes equal those of a fresh export, and no temporary file is left.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import tbbridge
from tbbridge.write.atomic import TEMPORARY
from tbbridge.write.events import EventWriter

RUNS = ("a/train", "a/validation", "b", "c/d")


class Training:
    """Writes the same points into several runs; a new event file a run now and then."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._writers: dict[str, EventWriter] = {}
        self.step = 0

    def write(self) -> None:
        """One more point a run."""
        for run in RUNS:
            if self.step % 500 == 0:
                (self._logs / run).mkdir(parents=True, exist_ok=True)
                path = self._logs / run / f"events.out.tfevents.{self.step}"
                self._writers[run] = EventWriter(path, wall_time=1000.0 + self.step)
            self._writers[run].scalar("loss", self.step, 1000.0 + self.step, self.step / 4)
            self._writers[run].flush()
        self.step += 1


def whole(out: Path) -> Counter[str]:
    """Checks that each published file is a version that can have been published; counts them."""
    found: Counter[str] = Counter()
    for path in out.rglob("*.csv"):
        rows = path.read_text().split("\n")
        assert rows[-1] == "", f"{path} ends in the middle of a row"
        if path == out / "summary.csv":
            assert rows[0].startswith("experiment"), path
            continue
        assert rows[0].startswith("step,"), path
        for number, row in enumerate(rows[1:-1]):
            cells = row.split(",")
            assert len(cells) == 5, path
            assert int(cells[0]) == number, path
            assert {cell for cell in cells[1:] if cell} == {repr(number / 4)}, f"{path}: {row}"
        found[str(path.relative_to(out))] += 1
    return found


def published(out: Path) -> dict[str, bytes]:
    """The run logs, by path."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.csv")}


def replaced(out: Path) -> int:
    """When a run log was last replaced, in nanoseconds; 0 before the first."""
    times = [path.stat().st_mtime_ns for path in (out / "b.csv", out / "c/d.csv") if path.exists()]
    return max(times, default=0)


def main() -> None:
    """Kill, check, start again; compare in the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        logs, out = Path(folder, "logs"), Path(folder, "logs-csv")
        training = Training(logs)
        stale = publishing = 0
        command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--no-viewer"]
        for number in range(args.kills):
            before = replaced(out)
            watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            publishes = number % 2 == 0  # every second one is killed while it starts, or soon after
            end = time.monotonic() + (60.0 if publishes else chance.uniform(0.3, 1.5))
            while time.monotonic() < end:
                training.write()
                time.sleep(0.004)
                if publishes and replaced(out) > before:
                    publishes, end = False, time.monotonic() + chance.uniform(0.0, 0.5)
            publishing += number % 2 == 0 and not publishes
            watch.send_signal(signal.SIGKILL)
            watch.wait()
            if out.exists():
                whole(out)
                stale += sum(TEMPORARY.fullmatch(path.name) is not None for path in out.rglob("*"))
            if (number + 1) % 100 == 0:
                print(f"{number + 1} kills, {training.step} steps, {time.monotonic() - began:.0f} s", flush=True)
        tbbridge.export(logs, Path(folder, "fresh"))
        fresh = published(Path(folder, "fresh"))
        watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while published(out) != fresh:
            assert time.monotonic() < deadline, "the published bytes are not those of a fresh export"
            time.sleep(0.1)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 0
        left = [path for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]
        assert not left, left
    print(f"{args.kills} kills, {publishing} of them within half a second of a publish: no torn file;")
    print(f"{stale} temporary files of killed processes were seen, none is left;")
    print("the published bytes equal a fresh export")


if __name__ == "__main__":
    main()
