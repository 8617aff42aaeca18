"""What a second core gives an export of many runs: ``python benchmarks/cores.py --times 12``.

50 runs of 20,000 scalars, read and written in one process that is already up, on one core and on all, by turns; the
best of all times, and how much of the processor time falls to the one thread that everything waits for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import tbbridge
from tbbridge.write.events import EventWriter

CASES = {
    "run logs, a file each": {"out": "logs-csv/"},
    "run logs, one file": {"out": "logs.csv"},
    "long": {"out": "long.csv", "layout": "long"},
    "wide": {"out": "wide.csv", "layout": "wide"},
    "long, Parquet": {"out": "long.parquet", "layout": "long"},
    "wide, Parquet": {"out": "wide.parquet", "layout": "wide"},
    "long, Parquet dataset": {"out": "dataset/", "layout": "long", "format": "parquet"},
}


def write_runs(logdir: Path, runs: int = 50, steps: int = 10_000) -> None:
    """Experiments of a train and a validation run, two tags each."""
    random = np.random.default_rng(1)
    for number in range(runs):
        folder = logdir / f"exp{number // 2:02d}" / ("train", "validation")[number % 2]
        folder.mkdir(parents=True)
        with EventWriter(folder / "events.out.tfevents.1.host") as writer:
            for step, (accuracy, loss) in enumerate(random.random((steps, 2))):
                writer.scalar("accuracy", step, 1e9 + step / 7, accuracy)
                writer.scalar("cross_entropy", step, 1e9 + step / 7, loss)


def export(folder: Path, case: str) -> tuple[float, float]:
    """One export; its seconds, and the part of its processor time that the calling thread took."""
    options = {**CASES[case], "force": True}
    target = folder / str(options.pop("out"))
    shutil.rmtree(target, ignore_errors=True)
    out = f"{target}/" if CASES[case]["out"].endswith("/") else target
    began, processor, thread = time.perf_counter(), time.process_time(), time.thread_time()
    tbbridge.export(folder / "logs", out, **options)
    seconds = time.perf_counter() - began
    return seconds, (time.thread_time() - thread) / (time.process_time() - processor)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12)
    times = parser.parse_args().times
    everything = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_runs(folder / "logs")
        print(f"| | one core | {len(everything)} cores | ratio | one thread's part |\n|---|---|---|---|---|")
        for case in CASES:
            best = {}
            for cores in ({min(everything)}, everything) * times:
                os.sched_setaffinity(0, cores)
                best[len(cores)] = min(best.get(len(cores), (1e9, 0.0)), export(folder, case))
            one, (all_, share) = best[1][0], best[len(everything)]
            print(f"| {case} | {one:.3f} | {all_:.3f} | {one / all_:.2f} | {share:.0%} |")


if __name__ == "__main__":
    main()
