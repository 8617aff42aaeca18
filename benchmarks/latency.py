"""From the writer's flush to the replaced run log: the distribution, for one growing run and for many.

    python benchmarks/latency.py                        # one run alone, one among 10,000 idle files, 100 live runs
    python benchmarks/latency.py --points 200 --idle 1000

The writer and `tbbridge watch` are processes of their own, as in use. Each case proves its answer: afterwards every
point is in the run log, and the published bytes are those of a fresh export.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import tbbridge
from tbbridge.tail import watch
from tbbridge.write.events import EventWriter

WRITER = """
import sys, time
from pathlib import Path
from tbbridge.write.events import EventWriter
root, runs, points, pause = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
writers = [EventWriter(root / f"live{n}/train" / "events.out.tfevents.2", wall_time=time.time()) for n in range(runs)]
for writer in writers:
    writer.flush()
print("ready", flush=True)
sys.stdin.readline()
for step in range(1, points + 1):
    for number, writer in enumerate(writers):
        writer.scalar("loss", step, time.time(), 1 / step)
        writer.flush()
        print(number, step, time.monotonic_ns(), flush=True)
        time.sleep(pause / runs)
"""


def make_idle(root: Path, files: int) -> None:
    """Runs of at most 50 files that are finished: old, and never written to again."""
    for number in range(files):
        path = root / f"idle{number // 50}" / f"events.out.tfevents.{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with EventWriter(path, wall_time=1000.0) as writer:
            for step in range(5):
                writer.scalar("loss", step, 1000.0 + step, 1.0)
        os.utime(path, (1000, 1000))


def observe(out: Path, runs: int, points: int, deadline: float) -> dict[tuple[int, int], int]:
    """When each point of each run was first seen in its run log: (run, step) -> nanoseconds."""
    seen: dict[tuple[int, int], int] = {}
    known = [0] * runs
    watch.GATHER = 0.0  # this process has nothing to wait for
    watcher = watch.Watcher(str(out), mark=".csv")
    watcher.attend()
    paths = [out / f"live{number}.csv" for number in range(runs)]
    while min(known) < points and time.monotonic() < deadline:
        touched = watcher.wait(0.1)
        moment = time.monotonic_ns()
        for number, path in enumerate(paths):
            if str(path) in touched and (last := last_step(path)) > known[number]:
                for step in range(known[number] + 1, last + 1):
                    seen[number, step] = moment
                known[number] = last
    watcher.close()
    return seen


def last_step(path: Path) -> int:
    """The step of the last row; 0 where there is none."""
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 200))
        cell = file.read().splitlines()[-1].split(b",")[0]
    return int(cell) if cell.isdigit() else 0


def measure(runs: int, points: int, pause: float, idle: int) -> np.ndarray:
    """The latencies of every point of every run, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        logs, out = Path(folder, "logs"), Path(folder, "out")
        make_idle(logs, idle)
        for number in range(runs):
            (logs / f"live{number}/train").mkdir(parents=True)
        arguments = [sys.executable, "-c", WRITER, str(logs), str(runs), str(points), str(pause)]
        writer = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert writer.stdin
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        follower = subprocess.Popen(
            [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), "--no-viewer"],
            stdout=subprocess.DEVNULL,
        )
        while len(list(out.glob("*.csv"))) < runs + -(-idle // 50):
            assert follower.poll() is None
            time.sleep(0.1)
        time.sleep(1.0)
        writer.stdin.write("\n")
        writer.stdin.flush()
        seen = observe(out, runs, points, time.monotonic() + 60 + 3 * points * pause)
        written = {}
        for line in writer.stdout:
            number, step, moment = map(int, line.split())
            written[number, step] = moment
        writer.wait()
        follower.terminate()
        assert follower.wait(30) == 0
        prove(logs, out, Path(folder, "fresh"))
    assert seen.keys() == written.keys(), f"{len(written) - len(seen)} points were never seen"
    return np.array([seen[at] - written[at] for at in written]) / 1e9


def prove(logs: Path, out: Path, fresh: Path) -> None:
    """What was published is what a fresh export gives."""
    for path in tbbridge.export(logs, fresh):
        assert (out / path.relative_to(fresh)).read_bytes() == path.read_bytes(), path


def main() -> None:
    """Measure the three cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=300, help="points of each case's runs (100 runs: a tenth)")
    parser.add_argument(
        "--idle", type=int, default=10_000, help="idle files (of 50 a run) beside the one run of the second case"
    )
    args = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    )
    print(f"{'case':<32}{'points':>8}{'median':>10}{'p95':>10}{'p99':>10}{'worst':>10}   milliseconds")
    cases = [
        ("one run", 1, args.points, 0.1, 0),
        (f"one run among {args.idle} files", 1, args.points, 0.1, args.idle),
        ("100 live runs, 1 point/s each", 100, max(5, args.points // 10), 1.0, 0),
    ]
    for name, runs, points, pause, idle in cases:
        found = 1000 * measure(runs, points, pause, idle)
        quantiles = np.quantile(found, [0.5, 0.95, 0.99, 1.0])
        print(f"{name:<32}{len(found):>8}" + "".join(f"{value:>10.1f}" for value in quantiles), flush=True)


if __name__ == "__main__":
    main()
