"""Run training scripts one after the other, each in a fork of one process that imported what they share.

    python train_all.py MODULE LOGS SCRIPT ...

Half of a short training is the import. Each script logs into ``LOGS/<its folder>/logs``, as if it were alone. One line
of JSON per script: ``[folder, exit code, stdout, stderr]``.
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


def train(script: Path, place: Path) -> int:
    """Run a script as its own process would, with its output in `place`; return its exit code."""
    place.mkdir()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.argv = [str(script), str(place / "logs")]
    code = 1
    try:
        runpy.run_path(str(script), run_name="__main__")
        atexit._run_exitfuncs()
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(module: str, logs: str, *scripts: str) -> None:
    importlib.import_module(module)
    for script in map(Path, scripts):
        place = Path(logs, script.parent.name)
        code = train(script, place)
        outputs = [(place / name).read_text() for name in ("stdout", "stderr")]
        print(json.dumps([place.name, code, *outputs]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
