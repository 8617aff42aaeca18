"""What all findings share: a temporary folder with pinned packages, and reading what was written there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

Points = list[tuple[int, float]]
"""The points of one series as (step, value), in the order of the file."""


def find(packages: list[str], finding: Callable[[], None], alone: tuple[str, ...] = ()) -> None:
    """Run a finding in a new virtual environment and a temporary folder; exit with 1 if it does not hold any more.

    The calling script is started again inside the environment, with the folder as its working directory and home.

    Args:
        packages: What pip installs, each with its version; none for tools outside Python.
        finding: The finding itself. It imports the packages, writes, reads, prints and asserts.
        alone: Packages to install without what they depend on, where that is large and not used here.
    """
    if os.environ.get("FINDING"):
        finding()
        return
    with tempfile.TemporaryDirectory(prefix="finding-") as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", f"{folder}/venv"], check=True)
        python = f"{folder}/venv/bin/python"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet"]
        for chosen in filter(None, (packages, ["--no-deps", *alone] if alone else [])):
            installed = subprocess.run([*pip, "--no-compile", *chosen], capture_output=True, text=True)
            if installed.returncode:
                sys.exit(f"pip could not install {' '.join(chosen)}:\n{installed.stderr}")
        Path(folder, "work").mkdir()
        quiet = {
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONWARNINGS": "ignore",
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
        }
        environment = {**os.environ, **quiet, "FINDING": folder, "HOME": f"{folder}/work", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run([python, os.path.abspath(sys.argv[0])], cwd=f"{folder}/work", env=environment)
    print("the finding holds" if done.returncode == 0 else "the finding does NOT hold with these versions")
    sys.exit(1 if done.returncode else 0)


def files(logdir: str) -> list[str]:
    """Return the event files below a log directory, relative to it, in the order of their names."""
    return sorted(str(file.relative_to(logdir)) for file in Path(logdir).rglob("*tfevents*") if file.is_file())


def events(file: str | Path) -> list:
    """Return the events of one event file, as TensorBoard's own loader reads them, without its conversions."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    return list(LegacyEventFileLoader(str(file)).Load())


def scalars(file: str | Path) -> dict[str, Points]:
    """Return the scalars of one event file by tag, in the order of the file, with TensorBoard's conversions."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    series: dict[str, Points] = {}
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                number = tensor_util.make_ndarray(value.tensor).item()
                series.setdefault(value.tag, []).append((event.step, round(number, 6)))
    return series


def runs(logdir: str) -> dict[str, dict[str, Points]]:
    """Return the scalars of each run of a log directory, by run and tag; files follow in the order of their names."""
    found: dict[str, dict[str, Points]] = {}
    for name in files(logdir):
        run = found.setdefault(str(Path(name).parent), {})
        for tag, points in scalars(Path(logdir, name)).items():
            run.setdefault(tag, []).extend(points)
    return found


def shown(logdir: str, fast: bool = True) -> dict[str, dict[str, Points]]:
    """Return what TensorBoard itself shows of a log directory, asked over HTTP, by run and tag.

    Args:
        logdir: The log directory.
        fast: Take TensorBoard's default data server, instead of its loader in Python.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--logdir", logdir, "--port", str(port), "--load_fast", "true" if fast else "false"]
    options += ["--reload_interval", "1", "--samples_per_plugin", "scalars=0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    board = subprocess.Popen([sys.executable, "-m", "tensorboard.main", *options], **quiet)

    def ask(path: str, **query: str):
        address = f"http://127.0.0.1:{port}/data/plugin/scalars/{path}?{urllib.parse.urlencode(query)}"
        return json.load(urllib.request.urlopen(address, timeout=30))

    try:
        tags: dict = {}
        before = None
        for _ in range(60):
            time.sleep(2)
            try:
                tags = ask("tags")
            except OSError:
                continue
            if tags and tags == before:
                break
            before = tags
        return {
            run: {tag: [(step, value) for _, step, value in ask("scalars", run=run, tag=tag)] for tag in sorted(of_run)}
            for run, of_run in sorted(tags.items())
        }
    finally:
        os.killpg(board.pid, signal.SIGTERM)
        board.wait()
