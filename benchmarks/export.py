"""A million scalars of one run to CSV: tbbridge beside tbparse, TensorBoard's EventAccumulator and tensorboard-reducer.

    pip install tbparse==0.0.9 tensorboard-reducer==0.4.0 && python benchmarks/export.py

Whole processes, from the start of Python to its end, with processor time and peak memory. Each one's answer is checked
before it counts.
``--peers PYTHON`` names another interpreter that has the peers; ``--without-tensorflow`` hides TensorFlow from them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from tbbridge.write.events import EventWriter

POINTS = 500_000
"""Of each of two tags."""
TAGS = ("accuracy", "loss")

HIDE = "import sys, types; sys.modules['tensorboard.compat.notf'] = types.ModuleType('notf');"
"""TensorBoard's own switch: with this module it takes its stub in the place of TensorFlow."""

TBPARSE = """
from tbparse import SummaryReader
SummaryReader({logdir!r}, extra_columns={{"wall_time"}}).scalars.to_csv({out!r}, index=False)
"""

ACCUMULATOR = """
import csv
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator({run!r}, size_guidance={{"scalars": 0}})
events.Reload()
with open({out!r}, "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["run", "tag", "step", "wall_time", "value"])
    for tag in events.Tags()["scalars"]:
        rows.writerows(("train", tag, event.step, event.wall_time, event.value) for event in events.Scalars(tag))
"""

REDUCER = """
import tensorboard_reducer as reducer
events = reducer.load_tb_events([{run!r}], strict_tags=False, strict_steps=False, handle_dup_steps="keep-last")
reducer.write_data_file(reducer.reduce_events(events, ["mean"]), {out!r}, overwrite=True)
"""


@dataclass(frozen=True)
class Contestant:
    """One way to make the file."""

    name: str
    command: list[str]
    out: Path
    check: Callable[[Path], bool]


@dataclass
class Result:
    """What the runs took."""

    seconds: list[float]
    processor: list[float]
    """User and system time, which other processes on the machine disturb less."""
    megabytes: float
    right: bool


def write_logs(logdir: Path) -> None:
    """One run with two tags, as torch's SummaryWriter logs them: alternately, a value an event."""
    (logdir / "train").mkdir(parents=True)
    values = np.random.default_rng(0).random(2 * POINTS, np.float32)
    with EventWriter(logdir / "train" / "events.out.tfevents.1767225600.host", wall_time=1767225600.0) as writer:
        for step in range(POINTS):
            for place, tag in enumerate(TAGS):
                number = 2 * step + place
                writer.scalar(tag, step, 1767225600.0 + number / 64, float(values[number]))


def lines(count: int) -> Callable[[Path], bool]:
    """Whether a file has so many lines."""

    def check(path: Path) -> bool:
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) == count

    return check


def contestants(logdir: Path, folder: Path, peers: str, prelude: str) -> list[Contestant]:
    """All that are compared, tbbridge first."""
    run, long, compact = str(logdir / "train"), folder / "long.csv", folder / "compact" / f"{logdir.name}.csv"
    ours = [sys.executable, "-m", "tbbridge", "export", str(logdir), "--out"]
    every = 2 * POINTS + 1
    found = [
        Contestant("tbbridge, run log", [*ours, str(compact.parent) + "/"], compact, lines(POINTS + 1)),
        Contestant("tbbridge, long", [*ours, str(long), "--layout", "long", "--force"], long, lines(every)),
    ]
    scripts = {"tbparse + to_csv": TBPARSE, "EventAccumulator + csv": ACCUMULATOR, "tensorboard-reducer": REDUCER}
    for number, (name, script) in enumerate(scripts.items()):
        out = folder / f"peer{number}.csv"
        program = prelude + script.format(logdir=str(logdir), run=run, out=str(out))
        count = POINTS + 3 if script is REDUCER else every  # its header has three lines
        found.append(Contestant(name, [peers, "-c", program], out, lines(count)))
    return found


def measure(contestant: Contestant, times: int) -> Result:
    """Run a contestant so many times."""
    seconds, processor, memory = [], [], 0.0
    for _ in range(times):
        began = time.perf_counter()
        process = subprocess.Popen(contestant.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr
        errors = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds.append(time.perf_counter() - began)
        processor.append(usage.ru_utime + usage.ru_stime)
        memory = max(memory, usage.ru_maxrss / 1024)
        if process.returncode:
            print(f"{contestant.name} failed: {errors[-300:]}", file=sys.stderr)
            return Result(seconds, processor, memory, right=False)
    return Result(seconds, processor, memory, contestant.check(contestant.out))


def report(results: dict[str, Result]) -> None:
    """Print the table."""
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| | seconds | processor seconds | peak memory | every value |\n|---|---|---|---|---|")
    for name, result in results.items():
        times = f"{statistics.median(result.seconds):.2f} | {statistics.median(result.processor):.2f}"
        print(f"| {name} | {times} | {result.megabytes:.0f} MB | {'yes' if result.right else 'no'} |")
    ours, theirs = results["tbbridge, long"], results["tbparse + to_csv"]
    ratios = [statistics.median(a) / statistics.median(b) for a, b in ((theirs.seconds, ours.seconds),
                                                                      (theirs.processor, ours.processor))]  # fmt: skip
    print(f"\nMedians. tbparse takes {ratios[0]:.0f} times as long, and {ratios[1]:.0f} times the processor time.")


def main() -> None:
    """Make the logs, run everyone, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has the peers")
    parser.add_argument("--times", type=int, default=3, help="runs of each")
    parser.add_argument("--without-tensorflow", action="store_true", help="hide TensorFlow from the peers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        logdir = Path(name) / "logs"
        write_logs(logdir)
        found = contestants(logdir, Path(name), args.peers, HIDE if args.without_tensorflow else "")
        report({contestant.name: measure(contestant, args.times) for contestant in found})


if __name__ == "__main__":
    main()
