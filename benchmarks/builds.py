"""Two builds of tbbridge beside each other: ``python benchmarks/builds.py PYTHON_A PYTHON_B``, each with one installed.

Both read the same files in turns, each time in a process of its own (see readers.py); the answers must be the same.
Prints the medians, and the median of the ratios of neighbours, A to B. It was made to compare the wheel for all Pythons
(``make wheel``) with the build for one Python (``python -m build``).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from reading_inputs import make

HERE = Path(__file__).resolve().parent
ROUNDS, REPEATS = 11, 7


def once(python: str, reader: str, logdir: Path) -> dict[str, float]:
    """What one process measured."""
    command = [python, str(HERE / "readers.py"), reader, str(logdir), str(REPEATS)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(pythons: list[str], reader: str, logdir: Path) -> str:
    """A row of the table."""
    seconds: dict[str, list[float]] = {python: [] for python in pythons}
    for number in range(ROUNDS):
        answers = set()
        for python in pythons[:: 1 if number % 2 else -1]:
            found = once(python, reader, logdir)
            seconds[python].append(found["seconds"])
            answers.add((found["points"], found["sum"]))
        assert len(answers) == 1, answers
    first, second = seconds.values()
    ratio = statistics.median(a / b for a, b in zip(first, second, strict=True))
    return f"| {statistics.median(first) * 1e3:.1f} | {statistics.median(second) * 1e3:.1f} | {ratio:.2f} |"


def main(pythons: list[str]) -> None:
    """Print the table."""
    inputs = make(HERE / "data", quick=False)
    print("| | A, ms | B, ms | ratio |\n|---|---|---|---|")
    for reader, name in (("ours", "torch"), ("scan", "torch"), ("ours", "tf2"), ("ours", "images")):
        print(f"| {reader}, {name}", compare(pythons, reader, inputs[name]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
