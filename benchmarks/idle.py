"""What `tbbridge watch` costs while nothing happens, and while one of many runs grows: the share of a core.

python benchmarks/idle.py                 # 1,000 runs, a minute each, without the page and with it
python benchmarks/idle.py --runs 10000 --seconds 20
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tbbridge.write.events import EventWriter


def processor(pid: int) -> float:
    """Seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Make the runs, and measure without the page and with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder, "logs")
        for number in range(args.runs):
            path = logs / f"run{number}" / "events.out.tfevents.1"
            path.parent.mkdir(parents=True)
            with EventWriter(path, wall_time=1000.0) as writer:
                writer.scalar("loss", 0, 1000.0, 1.0)
            os.utime(path, (1000, 1000))
        for what, options in (("run logs alone", ["--no-viewer"]), ("and the page", ["--port", "0"])):
            idle, growing = measure(logs, Path(folder, what), args, options)
            print(f"{args.runs} idle runs, {what}: {100 * idle:.2f} % of a core over {args.seconds:.0f} s", flush=True)
            print(f"one of them grows by ten points a second: {100 * growing:.2f} %", flush=True)


def measure(logs: Path, out: Path, args: argparse.Namespace, options: list[str]) -> tuple[float, float]:
    """The shares of a core that a watch takes when it has come to rest, and while one run grows."""
    command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), *options]
    watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while len(list(out.glob("run*.csv"))) < args.runs:
        assert watch.poll() is None
        time.sleep(0.2)
    time.sleep(10)
    before, began = processor(watch.pid), time.monotonic()
    time.sleep(args.seconds)
    idle = (processor(watch.pid) - before) / (time.monotonic() - began)
    middle = f"run{args.runs // 2}"
    path = logs / middle / "events.out.tfevents.2"
    with EventWriter(path, wall_time=2000.0) as writer:
        grow(writer, 1, 50)
        before, began = processor(watch.pid), time.monotonic()
        last = grow(writer, 51, round(10 * args.seconds))
        growing = (processor(watch.pid) - before) / (time.monotonic() - began)
    time.sleep(1)
    assert (out / f"{middle}.csv").read_text().splitlines()[-1].startswith(f"{last},")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(60) == 0
    path.unlink()
    return idle, growing


def grow(writer: EventWriter, first: int, points: int) -> int:
    """Write a point each tenth of a second, from the step `first` on; return the last step."""
    began = time.monotonic()
    for number in range(points):
        writer.scalar("loss", first + number, 2000.0 + first + number, 1 / (first + number))
        writer.flush()
        time.sleep(max(0.0, began + 0.1 * (number + 1) - time.monotonic()))
    return first + points - 1


if __name__ == "__main__":
    main()
