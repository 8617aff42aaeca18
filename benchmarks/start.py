"""What a command takes from its start to its end: `python benchmarks/start.py [PYTHON]`, beside the build of PYTHON.

By turns, each command as a process of its own; median processor seconds, user and system, of `--times` runs. The log
directory has one event file of 20 scalars. A row "bare" is the interpreter alone, "numpy" its import. Bytecode is
read, as installed, whatever PYTHONDONTWRITEBYTECODE says: a first run of each, which does not count, writes it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import reading_inputs  # noqa: E402

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def processor(command: list[str], place: str) -> float:
    """Run a command in the directory `place` to its end; return its processor seconds."""
    null = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=place, env=ENVIRONMENT, stdout=null, stderr=null) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", nargs="?", help="an interpreter with another build")
    parser.add_argument("--times", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        logs = reading_inputs.sweep(Path(place), 1)
        commands = {
            "bare": ["-c", "pass"],
            "numpy": ["-c", "import numpy"],
            "--version": ["-m", "tbbridge", "--version"],
            "check": ["-m", "tbbridge", "check", str(logs)],
            "export": ["-m", "tbbridge", "export", str(logs), "--layout", "long", "-o", f"{place}/out.csv", "--force"],
            "export, run logs": ["-m", "tbbridge", "export", str(logs), "-o", f"{place}/out/", "--force"],
        }
        pythons = [sys.executable, *([args.python] if args.python else [])]
        print("| | " + " | ".join(["CPU s", "before", "ratio"][: 3 if args.python else 1]) + " |")
        print("|---" * (4 if args.python else 2) + "|")
        for name, command in commands.items():
            rounds = [[processor([python, *command], place) for python in pythons] for _ in range(args.times + 1)][1:]
            taken = [statistics.median(times) for times in zip(*rounds, strict=True)]
            ratio = [f"{taken[0] / taken[1]:.2f}"] if args.python else []
            print(f"| {name} | " + " | ".join([*(f"{one:.3f}" for one in taken), *ratio]) + " |", flush=True)


if __name__ == "__main__":
    main()
