"""What runs that appear and vanish beside a watch cost: `python benchmarks/runs_come_and_go.py 4000 8000`.

Processor seconds of `tbbridge watch` without a page, in the phases of one process. The answers are proven: each run has
its run log before a phase ends, and, with `--prune`, none has one when it is gone.
"""

from __future__ import annotations

import os
import shutil
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


def wait_for_run_logs(out: Path, count: int, watch: subprocess.Popen[bytes]) -> None:
    """Wait until there are as many, and the watch has come to rest."""
    while len([path for path in out.rglob("*.csv") if path.name != "summary.csv"]) != count:
        assert watch.poll() is None
        time.sleep(0.3)
    before = -1.0
    while processor(watch.pid) - before > 0.02:
        before = processor(watch.pid)
        time.sleep(2)


def measure(runs: int, beside: str) -> None:
    """Let runs come and go beside one that stays."""
    with tempfile.TemporaryDirectory(dir=beside) as folder:
        made, logs, out = Path(folder, "made"), Path(folder, "logs"), Path(folder, "out")
        for number in range(runs + 1):
            path = (logs / "stays" if number == runs else made / f"run{number}") / "events.out.tfevents.1"
            path.parent.mkdir(parents=True)
            with EventWriter(path, wall_time=1000.0) as writer:
                for step in range(10):
                    writer.scalar("train/loss", step, 1000.0 + step, 1.0)
                    writer.scalar("val/accuracy", step, 1000.0 + step, 1.0)
        command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), "--prune", "--no-viewer"]
        watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for_run_logs(out, 1, watch)
        moments = [processor(watch.pid)]
        shutil.copytree(made, logs, dirs_exist_ok=True)
        wait_for_run_logs(out, runs + 1, watch)
        moments.append(processor(watch.pid))
        for path in logs.glob("run*"):
            shutil.rmtree(path)
        wait_for_run_logs(out, 1, watch)
        moments.append(processor(watch.pid))
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 0
    came, went = moments[1] - moments[0], moments[2] - moments[1]
    print(f"{runs} runs that appear: {came:.2f} CPU s; that vanish: {went:.2f} CPU s", flush=True)


if __name__ == "__main__":
    place = os.environ.get("TMPDIR", ".")
    for many in map(int, sys.argv[1:]):
        measure(many, place)
