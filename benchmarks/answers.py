"""What each reader answers on the same small event files: distinct steps of one tag, of those that were written.

    pip install tbparse==0.0.9 tensorboard-reducer==0.4.0 && python benchmarks/answers.py

Prints the table that the README and docs/beside-tensorboard.md quote, and the versions. A value that is not what was
written counts as wrong, not as read.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import logging
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import tbbridge
from tbbridge.write.events import EventWriter

PACKAGES = ("tbbridge", "tensorboard", "tensorboard-data-server", "tbparse", "tensorboard-reducer")
TAG = "loss"
NAME = "events.out.tfevents.{}.host"

BOARD = """
import sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.main import run_main
run_main()
"""
"""TensorBoard without TensorFlow, by its own switch: with it one odd directory ends the reading of the others."""

Points = Mapping[int, float]
"""step -> value"""


def value(step: int) -> float:
    """A value of its own for each step, exact in half precision."""
    return 1.0 + (step % 1000) / 1024


def write(folder: Path, steps: range, *, clock: float = 1000.0, dtype: str = "", timeless: int = -1) -> Path:
    """Write one event file; the point at step `timeless` has no number as its wall time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME.format(int(clock))
    with EventWriter(path, wall_time=clock) as writer:
        for step in steps:
            if dtype:
                writer.tensor(TAG, step, clock + step, float(step) if "int" in dtype else value(step), dtype)
            else:
                writer.scalar(TAG, step, clock + step if step != timeless else float("nan"), value(step))
    return path


def damage(path: Path, how: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    how(data)
    path.write_bytes(data)


def middle(data: bytearray) -> int:
    """Where a record near the middle of a file starts."""
    at = 0
    while at < len(data) // 2:
        at += 16 + int.from_bytes(data[at : at + 8], "little")
    return at


def flip_value(data: bytearray) -> None:
    at = middle(data)
    data[at + 12 + int.from_bytes(data[at : at + 8], "little") - 2] ^= 0x10


def flip_length(data: bytearray) -> None:
    data[middle(data)] ^= 0x02


def zeros(data: bytearray) -> None:
    at = middle(data)
    data[at:at] = bytes(64)


def cases(root: Path) -> dict[str, tuple[str, int]]:
    """Write every case below `root`; returns case -> (what it is, points that are right)."""
    write(root / "long", range(12_000))
    write(root / "tensors", range(100), dtype="float32")
    write(root / "int64", range(10), dtype="int64")
    write(root / "half", range(10), dtype="float16")
    write(root / "double", range(10), dtype="float64")
    write(root / "clock", range(100), timeless=40)
    write(root / "exp" / "tfevents", range(100))
    damage(write(root / "value", range(100)), flip_value)
    damage(write(root / "length", range(100)), flip_length)
    damage(write(root / "zeros", range(100)), zeros)
    write(root / "restart", range(60), clock=1000.0)
    write(root / "restart", range(40, 100), clock=2000.0)
    return {
        "long": ("12,000 points", 12_000),
        "tensors": ("TF2 tensor scalars", 100),
        "int64": ("int64 scalars", 10),
        "half": ("half precision scalars", 10),
        "double": ("double precision scalars", 10),
        "clock": ("one wall time is not a number", 100),
        "exp/tfevents": ("a run's directory is named `tfevents`", 100),
        "value": ("one bit of a value flipped", 99),
        "length": ("one bit of a length flipped", 99),
        "zeros": ("a hole of 64 zero bytes", 100),
        "restart": ("crash, then a new file from step 40", 100),
    }


def by_tbbridge(root: Path, case: str) -> list[tuple[int, float]]:
    frame = tbbridge.read_scalars(root / case)
    return list(zip(frame["step"], frame["value"], strict=True))


def by_tbparse(root: Path, case: str) -> list[tuple[int, float]]:
    from tbparse import SummaryReader

    frame = SummaryReader(str(root / case)).scalars
    return list(zip(frame["step"], frame["value"], strict=True)) if len(frame) else []


def by_tbparse_tensors(root: Path, case: str) -> list[tuple[int, float]]:
    from tbparse import SummaryReader

    frame = SummaryReader(str(root / case)).tensors
    return list(zip(frame["step"], map(float, frame["value"]), strict=True)) if len(frame) else []


def by_reducer(root: Path, case: str) -> list[tuple[int, float]]:
    import tensorboard_reducer

    frame = tensorboard_reducer.load_tb_events([str(root / case)])[TAG]
    return [(int(step), float(row.iloc[0])) for step, row in frame.iterrows()]


@contextlib.contextmanager
def tensorboard(root: Path, *, fast: bool) -> Iterator[Callable[[Path, str], list[tuple[int, float]]]]:
    """A TensorBoard on `root`; gives the reader that asks it over HTTP, as its page does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--logdir", str(root), "--port", str(port), f"--load_fast={str(fast).lower()}")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", BOARD, *options], **quiet)
    try:
        settle(port)
        yield lambda _root, case: ask(port, case)
    finally:
        process.terminate()
        process.wait()


def settle(port: int, patience: float = 300.0, still: float = 15.0) -> None:
    """Wait until TensorBoard has listed the same tags for `still` seconds: then it has read what it will read."""
    url = f"http://127.0.0.1:{port}/data/plugin/scalars/tags"
    before, since, deadline = {}, time.monotonic(), time.monotonic() + patience
    while time.monotonic() < deadline and not (before and time.monotonic() - since > still):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
            tags = json.load(answer)
            if tags != before:
                before, since = tags, time.monotonic()
        time.sleep(1.0)


def ask(port: int, run: str, patience: float = 15.0) -> list[tuple[int, float]]:
    """The points of `run` that TensorBoard shows; asked again until two answers in a row agree."""
    query = urllib.parse.urlencode({"run": run, "tag": TAG})
    url = f"http://127.0.0.1:{port}/data/plugin/scalars/scalars?{query}"
    last: list[tuple[int, float]] | None = None
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url, timeout=10) as answer:
                points = [(int(step), float(shown)) for _wall_time, step, shown in json.load(answer)]
            if points and points == last:
                return points
            last = points
        time.sleep(1.0)
    return last or []


def verdict(case: str, points: list[tuple[int, float]]) -> str:
    """Distinct steps with the right value, and what else there was."""
    wrong = sum(shown != (float(step) if case == "int64" else value(step)) for step, shown in points)
    distinct = len({step for step, _ in points})
    text = f"{len(points):,}" if len(points) != distinct else f"{distinct:,}"
    return text + (f", {wrong} wrong" if wrong else "") + (" (zig-zag)" if len(points) != distinct else "")


def answer(reader: Callable[[Path, str], list[tuple[int, float]]], root: Path, case: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return verdict(case, reader(root, case))
        except Exception as error:
            return f"error ({type(error).__name__})"


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        root = Path(home) / "logs"
        listed = cases(root)
        readers = {
            "tbbridge": by_tbbridge,
            "TensorBoard (Rust)": stack.enter_context(tensorboard(root, fast=True)),
            "TensorBoard (Python)": stack.enter_context(tensorboard(root, fast=False)),
            "tbparse": by_tbparse,
            "tbparse .tensors": by_tbparse_tensors,
            "tensorboard-reducer": by_reducer,
        }
        print("|  | right |", " | ".join(readers), "|")
        print("|---|---|" + "---|" * len(readers))
        for case, (name, right) in listed.items():
            print(f"| {name} | {right:,} |", " | ".join(answer(r, root, case) for r in readers.values()), "|")
        print()
        print(", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES))


if __name__ == "__main__":
    main()
