"""Real trainings, run side by side as cheaply as can be, and what the examples say of theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import ROOT, environment

Outcome = tuple[int, str, str]
"""A training's exit code, stdout and stderr."""

Command = Sequence[str]
"""A training's script and its arguments."""

EXAMPLES = {
    "pytorch_digits": "digits-cnn",
    "keras_digits": "digits-softmax",
    "tf_custom_loop": "digits-tf",
    "lightning_digits": "lightning_logs/version_0",
    "huggingface_digits": "digits-vit/runs/*",
    "jax_flax_digits": "digits-flax",
}
"""The experiment that the examples' README promises of each; * is a date and a host."""


def docstring(name: str) -> str:
    """What an example says at its top."""
    return (ROOT / f"examples/{name}.py").read_text().split('"""')[1]


def documented(name: str) -> list[str]:
    """The command line of the example's docstring that runs it, its lines joined."""
    lines = docstring(name).replace("\\\n", " ").splitlines()
    (line,) = [line.strip() for line in lines if line.strip().startswith(f"python examples/{name}.py")]
    return line.split()


def train_all(commands: Sequence[Command], outputs: Path, *, cwd: Path | None = None) -> list[Outcome]:
    """Run trainings in `cwd`, those with TensorFlow beside those without; their outcomes in the order of `commands`."""
    sources = [(cwd or Path(), command[0]) for command in commands]
    without = ["PYTHONPATH" in environment(folder.joinpath(script).read_text()) for folder, script in sources]
    groups = {"torch.utils.tensorboard": True, "keras": False}
    with ThreadPoolExecutor(2) as pool:
        running = {
            kind: pool.submit(
                _train, module, [one for one, its in zip(commands, without, strict=True) if its is kind], outputs, cwd
            )
            for module, kind in groups.items()
        }
        done = {kind: iter(one.result()) for kind, one in running.items()}
    return [next(done[kind]) for kind in without]


def _train(module: str, commands: Sequence[Command], outputs: Path, cwd: Path | None) -> list[Outcome]:
    """Run trainings in forks of one process that has imported `module`."""
    if not commands:
        return []
    # one thread: several would wait for one another where other tests run beside them
    env = {**environment(module), "OMP_NUM_THREADS": "1", "https_proxy": "http://127.0.0.1:9"}
    words = [sys.executable, Path(__file__).with_name("train_in_forks.py"), module, outputs / f"outputs of {module}"]
    lines = "".join(json.dumps(list(command)) + "\n" for command in commands)
    done = subprocess.run(words, input=lines, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(map(json.loads, done.stdout.splitlines()))
