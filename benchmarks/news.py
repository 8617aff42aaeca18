"""What a new point costs, from the decoded event file to the bytes of the run log, by the length of the history.

    python benchmarks/news.py                      # histories of 1,000 to 1,000,000 points
    python benchmarks/news.py --points 4000000

Beside it what the same costs from scratch. Each case proves its answer first: after each look the growing series
and text equal those that are made from scratch. Times are the processor's, the median of the looks, in microseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from tbbridge.core.model import COLUMNS, EventFile, Points, RunLog, Scalars
from tbbridge.shape.growing_run import RunSeries
from tbbridge.shape.run_log import run_log, since
from tbbridge.shape.series import live, merge_run
from tbbridge.write.run_log_csv import run_log_csv, with_new_rows

LOOKS = 200
TAGS = ("loss", "accuracy", "val_loss", "val_accuracy")


class Training:
    """One event file of four tags, as a decoder shows it while it grows."""

    def __init__(self, points: int) -> None:
        number = np.arange(points)
        value = np.random.default_rng(1).random(points, np.float32)
        self.columns = ((number % 4).astype(np.int32), number // 4, 1.7e9 + number, value)

    def file(self, points: int, taken: int = 0) -> EventFile:
        scalars = Scalars(*(column[taken:points] for column in self.columns))
        return EventFile("events.out.tfevents.1", scalars, list(TAGS), first_wall_time=1.7e9, taken=taken)


class Follower:
    """The growing series and text of one training."""

    def __init__(self, file: EventFile) -> None:
        self.run = RunSeries()
        self.run.update([file], whole=True)
        self.text = run_log_csv(run_log("", self.columns()))
        self.run.changes()

    def columns(self) -> dict[str, Points]:
        return dict(zip(COLUMNS, map(self.run.live, TAGS), strict=True))

    def look(self, file: EventFile) -> None:
        self.run.update([file])

    def publish(self) -> bytes:
        rows = self.run.changes()
        first = min(int(self.run.live(tag).step[row]) for tag, row in rows.items())
        self.text = with_new_rows(self.text, first, run_log("", since(self.columns(), first)))
        return self.text


def from_scratch(file: EventFile) -> RunLog:
    series = merge_run([file])[0]
    columns: dict[str, Points] = {column: live(series[tag]) for column, tag in zip(COLUMNS, TAGS, strict=True)}
    return run_log("training", columns)


def prove(points: int) -> None:
    """The growing way and the way from scratch give the same bytes at every look."""
    training = Training(points + LOOKS)
    follower = Follower(training.file(points))
    for count in range(points, points + LOOKS, 20):
        follower.look(training.file(count + 20, count))
        assert follower.publish() == run_log_csv(from_scratch(training.file(count + 20)))


def microseconds(work: Callable[[], object]) -> float:
    begin = time.process_time_ns()
    work()
    return (time.process_time_ns() - begin) / 1000


def measure(points: int) -> tuple[float, float, float, float]:
    """Look, publish; and both from scratch."""
    training = Training(points + LOOKS)
    follower = Follower(training.file(points))
    looks, publishes = [], []
    for count in range(points, points + LOOKS):
        file = training.file(count + 1, count)
        looks.append(microseconds(lambda file=file: follower.look(file)))
        publishes.append(microseconds(follower.publish))
    file = training.file(points + LOOKS)
    log = from_scratch(file)
    scratch = [microseconds(lambda: from_scratch(file)) for _ in range(3)]
    text = [microseconds(lambda: run_log_csv(log)) for _ in range(3)]
    return tuple(statistics.median(times[1:]) for times in (looks, publishes, scratch, text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000, help="the longest history (default: %(default)s)")
    longest = parser.parse_args().points
    print(f"{'history':>10} {'look':>8} {'publish':>8} | from scratch: {'table':>10} {'text':>10}")
    for points in (count for count in sorted({1_000, 10_000, 100_000, 1_000_000, longest}) if count <= longest):
        prove(min(points, 20_000))
        look, publish, scratch, text = measure(points)
        print(f"{points:>10,} {look:>8.0f} {publish:>8.0f} |               {scratch:>10.0f} {text:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
