"""Write the shell completions from the command line's own parser (``make docs``)."""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

from tbbridge.cli import build_parser

HERE = Path(__file__).parent

TARGETS = {"bash": HERE / "tbbridge", "zsh": HERE / "_tbbridge"}
"""The names by which bash-completion and zsh find them."""

DIRECTORIES = ("logdir", "out")
FILES = ("path", "file", "output", "run_log", "source")


def mark_paths(parser: argparse.ArgumentParser) -> None:
    """Tell which arguments complete to files and which to directories."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                mark_paths(sub)
        elif action.dest in DIRECTORIES:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def pages() -> dict[Path, str]:
    """The text of each completion."""
    parser = build_parser()
    mark_paths(parser)
    return {path: shtab.complete(parser, shell).rstrip() + "\n" for shell, path in TARGETS.items()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
