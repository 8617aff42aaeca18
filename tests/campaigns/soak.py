"""A hundred writers for an hour beside `tbbridge watch`: memory flat, descriptors flat, no point missing.

python tests/campaigns/soak.py --writers 100 --minutes 60 --pages 20      # with pages that come and go
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

from visitors import Visitors

import tbbridge
from tbbridge.write.events import EventWriter

FLAT = 0.1
"""The share by which memory may grow after the first ten minutes, without what the points themselves take."""

POINT = 25.0
"""Bytes of a point that is kept: 20 (docs/promise.md), and a quarter more: the room in which a column grows."""

PORT = 8097
"""Of the page."""


def memory(pid: int, kind: str) -> float:
    """Memory of a process in MB: ``VmRSS`` is all that is resident, ``RssAnon`` without what belongs to files."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[kind].split()[0]) / 1024


def processor(pid: int) -> float:
    """Seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Write, look at the process each minute, compare in the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between the points of a writer")
    parser.add_argument("--pages", type=int, default=0, help="pages that come and go, so many at a time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        logs, out, fresh = Path(folder, "logs"), Path(folder, "logs-csv"), Path(folder, "fresh")
        writers = []
        for number in range(args.writers):
            (logs / f"run{number}").mkdir(parents=True)
            writers.append(EventWriter(logs / f"run{number}/events.out.tfevents.1", wall_time=time.time()))
        page = ["--port", str(PORT)] if args.pages else ["--no-viewer"]
        watch = subprocess.Popen(
            [sys.executable, "-m", "tbbridge", "watch", str(logs), *page], stdout=subprocess.DEVNULL
        )
        names = [f"run{number}" for number in range(args.writers)]
        visitors = Visitors(f"http://127.0.0.1:{PORT}/", names, args.pages)
        end, minute, step = time.monotonic() + 60 * args.minutes, time.monotonic() + 10, 0
        print("minute    points  MB resident   MB of its own  without points  descriptors  processor s")
        began, own = time.monotonic(), []
        while time.monotonic() < end:
            next_round = time.monotonic() + args.pause
            for writer in writers:
                writer.scalar("loss", step, time.time(), 1 / (step + 1))
                writer.scalar("accuracy", step, time.time(), step / 1e6)
                writer.flush()
            step += 1
            if time.monotonic() >= minute:
                minute += 60
                descriptors = len(os.listdir(f"/proc/{watch.pid}/fd"))
                passed = (time.monotonic() - began) / 60
                points, all_its_own = 2 * step * args.writers, memory(watch.pid, "RssAnon")
                own.append(all_its_own - points * POINT / 2**20)
                print(
                    f"{passed:6.1f}{points:10}{memory(watch.pid, 'VmRSS'):13.1f}{all_its_own:16.1f}"
                    f"{own[-1]:16.1f}{descriptors:13}{processor(watch.pid):13.1f}",
                    flush=True,
                )
            time.sleep(max(0.0, next_round - time.monotonic()))
        visitors.stop()
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 0
        for path in tbbridge.export(logs, fresh):
            data = path.read_bytes()
            assert (out / path.relative_to(fresh)).read_bytes() == data, path
            assert data.count(b"\n") == step + 1, f"{path}: points are missing"
    print(f"{args.writers} writers, {step} steps each: no point is missing, the bytes equal a fresh export")
    if args.pages:
        print(f"{visitors.visits} visits, {len(visitors.failures)} failed: {visitors.failures[-3:]}")
    if len(own) > 10:
        grown = max(own[10:]) / own[10] - 1
        assert grown < FLAT, f"its own memory without the points grew by {grown:.0%} after the first ten minutes"
        print(f"memory is flat: {grown:+.0%} at most after the first ten minutes, without the points")


if __name__ == "__main__":
    main()
