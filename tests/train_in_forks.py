"""Run training scripts one after the other, each in a fork of one process that imported what they share.

    python train_in_forks.py MODULE OUTPUTS < COMMANDS

Half of a short training is the import. A command is a line of JSON, ``[script, argument, ...]``; its script runs as if
it were alone. OUTPUTS is a directory to be made, for what they print. One line of JSON per script, in their order:
``[exit code, stdout, stderr]``.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import sys
import traceback
from pathlib import Path


def train(command: list[str], place: Path) -> int:
    """Run a script as its own process would, with its output in `place`; return its exit code."""
    place.mkdir(parents=True)
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.argv = command
    sys.path[0] = str(Path(command[0]).parent.absolute())
    code = 1
    try:
        runpy.run_path(command[0], run_name="__main__")
        atexit._run_exitfuncs()
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(module: str, outputs: str) -> None:
    importlib.import_module(module)
    for number, line in enumerate(sys.stdin.read().splitlines()):
        place = Path(outputs, str(number))
        code = train(json.loads(line), place)
        print(json.dumps([code, *((place / name).read_text() for name in ("stdout", "stderr"))]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
