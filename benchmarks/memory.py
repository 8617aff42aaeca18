"""The memory of following: `tbbridge watch` beside TensorBoard's EventAccumulator, both with every point.

python benchmarks/memory.py                             # 1 and 4 million points, in a temporary directory
python benchmarks/memory.py --points 10000000 --alone   # tbbridge alone

Each must have every point before it is looked at: in the published run log, and in the accumulator's lists.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reading_inputs import TAGS, torch_scalars, write

ACCUMULATE = """
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], {"scalars": 0}).Reload()
print(sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"]), flush=True)
input()
"""


def memory(pid: int) -> tuple[float, float]:
    """MB that are resident now, and that were at most."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024


def followed(logs: Path, points: int) -> tuple[float, float]:
    """Of a watch that has published every row."""
    out = logs.with_name("out")
    command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), "--no-viewer"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not any(path.read_bytes().count(b"\n") == points // len(TAGS) + 1 for path in out.glob("*.csv")):
        assert time.monotonic() < deadline, "not everything was published"
        time.sleep(0.2)
    found = memory(process.pid)
    while (now := (time.sleep(1), memory(process.pid))[1]) < found:  # until what publishing took is given back
        found = now
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    return found


def accumulated(logs: Path, points: int) -> tuple[float, float]:
    """Of an EventAccumulator that has read every point."""
    command = [sys.executable, "-c", ACCUMULATE, str(logs / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert int(process.stdout.readline()) == points
        found = memory(process.pid)
        process.communicate("\n")
    return found


def main() -> None:
    """Measure each size, one process after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--alone", action="store_true", help="leave the EventAccumulator out")
    args = parser.parse_args()
    print(
        "| points | watch, MB | at most | bytes a point | EventAccumulator, MB | at most |\n|---|---|---|---|---|---|"
    )
    none = 0.0
    for points in (0, *args.points):
        with tempfile.TemporaryDirectory() as folder:
            logs = Path(folder, "logs")
            write(logs / "run/events.out.tfevents.1", torch_scalars(points))
            ours = followed(logs, points)
            none = none or ours[0]
            each = f"{(ours[0] - none) * 2**20 / points:.0f}" if points else ""
            theirs = ["", ""] if args.alone else [f"{size:,.0f}" for size in accumulated(logs, points)]
        print("|", " | ".join([f"{points:,}", *(f"{size:,.0f}" for size in ours), each, *theirs]), "|", flush=True)


if __name__ == "__main__":
    main()
