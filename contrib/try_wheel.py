"""Try the built package in an empty environment of each Python: ``python contrib/try_wheel.py python3.11 python3.13``.

Run it after `make wheel`. A Python that the wheel does not fit takes the sdist. The script installs the package,
exports a recorded training, reads it in Python, and asks the page of `tbbridge watch`. It prints a line
for each Python, and the first failure ends it with an error.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

DIST = Path(__file__).resolve().parent.parent / "dist"
DEMO = "import tbbridge, pathlib; print(pathlib.Path(tbbridge.__file__).parent / 'fixtures/demo/mnist/one-layer')"
FITS = "import sys, sysconfig as s; print(sys.version_info >= (3, 11) and not s.get_config_var('Py_GIL_DISABLED'))"
READ = "import sys, tbbridge; print(len(tbbridge.read_scalars(sys.argv[1])), 'scalars')"


def call(*command: object, cwd: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=1200)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def page(python: Path, logs: str, cwd: Path) -> str:
    """Start `tbbridge watch` on a free port, ask for its page, and end it."""
    command = [python.with_name("tbbridge"), "watch", logs, "--out", cwd / "live", "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen([*map(str, command)], cwd=cwd, text=True, **pipes) as watch:
        try:
            assert watch.stdout
            line = next(line for line in watch.stdout if "http://" in line)
            address = next(word for word in line.split() if word.startswith("http://"))
            with urllib.request.urlopen(address, timeout=60) as answer:
                return f"page {answer.status}"
        finally:
            watch.terminate()


def try_in(interpreter: str, package: Path) -> str:
    with tempfile.TemporaryDirectory() as home:
        here = Path(home)
        call(interpreter, "-m", "venv", here / "venv", cwd=here)
        python = here / "venv" / "bin" / "python"
        call(python, "-m", "pip", "install", "--quiet", package, cwd=here)
        logs = call(python, "-c", DEMO, cwd=here)
        call(python.with_name("tbbridge"), "export", logs, "--out", here / "csv", cwd=here)
        rows = sum(len(path.read_text().splitlines()) - 1 for path in (here / "csv").glob("*.csv"))
        version = call(python.with_name("tbbridge"), "--version", cwd=here)
        scalars = call(python, "-c", READ, logs, cwd=here)
        return f"{version}; {rows} rows exported; {scalars}; {page(python, logs, here)}"


def main() -> None:
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    for interpreter in sys.argv[1:]:
        fits = call(interpreter, "-c", FITS, cwd=DIST) == "True"
        done = try_in(interpreter, wheel if fits else sdist)
        print(f"{interpreter}: {'wheel' if fits else 'sdist'}: {done}", flush=True)


if __name__ == "__main__":
    main()
