"""Reading event files: tbbridge beside its peers and a hand-written C loop, answers first, then times, in one run.

    python benchmarks/reading.py                      all of it: some minutes, 1.5 GB of inputs in benchmarks/data/
    python benchmarks/reading.py --quick              a tenth of it
    python benchmarks/reading.py --ends               one long training, many short ones, many tags
    python benchmarks/reading.py --tbparse PYTHON     also tbparse, by a Python that has it (and not TensorFlow)

Prints Markdown: seconds, nanoseconds a scalar, peak memory, and how many times tbbridge's time it is.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import reading_inputs  # noqa: E402

EVERY = ("--samples-per-plugin", "scalars=10000000")


@dataclass
class Row:
    """One reader's answer and cost; `keeps_all` is False where it samples by design."""

    reader: str
    seconds: float
    points: int
    sum: float | None
    peak_mb: float
    cpu: float


def run(reader: str, command: list[str], **env: str) -> Row:
    """Run one reader as a process and read its JSON."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | env)
    if done.returncode:
        sys.exit(f"{reader} failed:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Row(
        reader, found["seconds"], found["points"], found["sum"], found["peak_mb"], found.get("cpu", float("nan"))
    )


def ask(
    reader: str, name: str, logdir: Path, repeats: int, *flags: str, python: str = sys.executable, **env: str
) -> Row:
    """Run one of readers.py."""
    return run(reader, [python, str(HERE / "readers.py"), name, str(logdir), str(repeats), *flags], **env)


def lower_bound(logdir: Path, repeats: int) -> Row:
    """Build and run the hand-written loop."""
    program = logdir.parent / "lower_bound"
    subprocess.run(["gcc", "-O3", "-msse4.2", "-o", program, HERE / "lower_bound.c"], check=True)
    (file,) = logdir.rglob("*tfevents*")
    return run("hand-written C loop", [str(program), str(file), str(repeats)])


def prove(rows: list[Row], points: int) -> None:
    """Every reader that keeps every point must have them all, with one sum."""
    reference = next(row.sum for row in rows if row.sum is not None)
    for row in rows:
        if "as shipped" in row.reader:
            continue
        if row.points != points or (row.sum is not None and abs(row.sum - reference) > 1e-6 * abs(reference)):
            sys.exit(f"{row.reader}: {row.points} points with sum {row.sum}, not {points} with {reference}")


def table(title: str, rows: list[Row], points: int) -> str:
    """Markdown, the first row being the unit."""
    lines = [
        f"### {title}",
        "",
        "| reader | seconds | ns a scalar | peak MB | times tbbridge |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        each, ratio = row.seconds / points * 1e9, row.seconds / rows[0].seconds
        lines.append(f"| {row.reader} | {row.seconds:.3f} | {each:,.0f} | {row.peak_mb:,.0f} | {ratio:,.2f} |")
    return "\n".join([*lines, ""])


def whole_table(title: str, logdir: Path, points: int, tbparse: str | None = None, accumulator: bool = True) -> str:
    """What each reader takes that keeps every point, answers first."""
    rows = [
        ask("`tbbridge.read`", "library", logdir, 5),
        ask("TensorBoard's Rust server, told to keep every point", "rust", logdir, 3, *EVERY),
    ]
    if accumulator:
        rows.append(ask("TensorBoard's EventAccumulator", "accumulator", logdir, 1))
    if tbparse:
        rows.append(ask("tbparse", "tbparse", logdir, 1, python=tbparse))
    prove(rows, points)
    lines = [f"### {title}", "", "| reader | seconds | CPU s | peak MB |", "|---|---|---|---|"]
    lines += [f"| {row.reader} | {row.seconds:.2f} | {row.cpu:.2f} | {row.peak_mb:,.0f} |" for row in rows]
    return "\n".join([*lines, ""])


def both_ends(folder: Path, n: int, tbparse: str | None) -> None:
    """From one long training to many short ones, and many tags."""
    torch = folder / f"torch-{n}"
    reading_inputs.write(torch / "events.out.tfevents.1", reading_inputs.torch_scalars(1_000_000 // n))
    print(whole_table(f"{1_000_000 // n:,} scalars in one file", torch, 1_000_000 // n, tbparse), flush=True)
    for runs, points in ((200 // n, 5000), (10_000 // n, 20)):
        logdir = reading_inputs.sweep(folder, runs, points)
        print(whole_table(f"{runs:,} runs of {points:,} scalars", logdir, runs * points, tbparse), flush=True)
    tags = 12_345 // n
    logdir = reading_inputs.many_tags(folder, tags)
    print(whole_table(f"One run of {tags:,} tags, 10 points each", logdir, 10 * tags, tbparse), flush=True)


def peers(logdir: Path, tbparse: str | None) -> list[Row]:
    rows = [
        ask("TensorBoard's Rust server as shipped (keeps 1,000 points a series)", "rust", logdir, 3),
        ask("the same, told to keep every point", "rust", logdir, 3, *EVERY),
        ask("the same, with `--checksum` too", "rust", logdir, 3, "--checksum", *EVERY),
        ask("TensorBoard's EventAccumulator", "accumulator", logdir, 1),
    ]
    if tbparse:
        rows.append(ask("tbparse", "tbparse", logdir, 1, python=tbparse))
    return rows


def ours(logdir: Path, repeats: int = 7) -> list[Row]:
    return [
        ask("tbbridge, files to columns", "ours", logdir, repeats),
        ask("the same, checksums by table", "ours", logdir, repeats, TBBRIDGE_CRC="portable"),
        ask("`tbbridge.read`: columns to series and experiments too", "library", logdir, repeats),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--ends", action="store_true")
    parser.add_argument("--tbparse", metavar="PYTHON")
    args = parser.parse_args()
    n = 10 if args.quick else 1
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n")
    if args.ends:
        both_ends(HERE / "data", n, args.tbparse)
        return

    inputs = reading_inputs.make(HERE / "data", args.quick)
    points = 1_000_000 // n
    rows = [*ours(inputs["torch"]), lower_bound(inputs["torch"], 7), *peers(inputs["torch"], args.tbparse)]
    rows.insert(1, ask("its scan alone, on bytes in memory", "scan", inputs["torch"], 7))
    prove(rows, points)
    print(table(f"{points:,} scalars as torch writes them (one file)", rows, points), flush=True)

    points = 400_000 // n
    rows = [*ours(inputs["tf2"]), *peers(inputs["tf2"], None)]
    prove(rows, points)
    print(table(f"{points:,} scalars as TensorFlow 2 writes them (one file)", rows, points), flush=True)

    points = 10_000 // n
    rows = [*ours(inputs["images"], 3)[:1], *peers(inputs["images"], None)]
    prove(rows, points)
    print(table(f"{points:,} scalars among {points:,} images of 100 kB (one file)", rows, points), flush=True)

    points = 2_000_000 // n
    rows = [ask(f"{w} thread{'s' * (w > 1)}", "ours", inputs["parallel"], 7, WORKERS=str(w)) for w in (1, 2)]
    prove(rows, points)
    print(table(f"{points:,} scalars in 8 files, in parallel", rows, points), flush=True)

    both_ends(HERE / "data", n, args.tbparse)


if __name__ == "__main__":
    main()
