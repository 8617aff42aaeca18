"""What `tbbridge watch` costs while nothing happens: the share of a core beside many idle runs.

python benchmarks/idle.py                 # 1,000 runs, a minute each, without the page and with it
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
            share = measure(logs, Path(folder, what), args, options)
            print(f"{args.runs} idle runs, {what}: {100 * share:.2f} % of a core over {args.seconds:.0f} s", flush=True)


def measure(logs: Path, out: Path, args: argparse.Namespace, options: list[str]) -> float:
    """The share of a core that a watch takes when it has come to rest."""
    command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), *options]
    watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while len(list(out.glob("*.csv"))) < args.runs:
        assert watch.poll() is None
        time.sleep(0.2)
    time.sleep(10)
    before, began = processor(watch.pid), time.monotonic()
    time.sleep(args.seconds)
    share = (processor(watch.pid) - before) / (time.monotonic() - began)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(60) == 0
    return share


if __name__ == "__main__":
    main()
