"""Write docs/cli.md from the command line's own parser: ``python docs/make_cli.py`` (or ``make docs``)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tbbridge.cli import build_parser

TARGET = Path(__file__).with_name("cli.md")

HEAD = """\
# Command line

<!-- Written by docs/make_cli.py from the parser itself. Do not edit: `make docs`. -->

Exit codes: 0 all went well; 1 done, with damage reported or a target that could not be written; 2 the command or its
paths are wrong (`wait` has its own). Messages go to standard error, data and tables to standard output.
"""


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return [action for action in shown if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)]


def value(action: argparse.Action) -> str:
    """What stands for the action's value: ``{a,b}`` for choices, else its metavar; empty for a switch."""
    if action.nargs == 0:
        return ""
    if action.choices is not None and action.metavar is None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    name = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    return name if isinstance(name, str) else " ".join(name)


def term(action: argparse.Action) -> str:
    return " ".join(part for part in (", ".join(action.option_strings), value(action)) if part)


def usage(parser: argparse.ArgumentParser) -> str:
    required = [a for a in actions(parser) if not a.option_strings or a.required]
    words = [term(a) if a.nargs not in ("?", "*") else f"[{term(a)}]" for a in required]
    options = "[options]" if len(required) < len(actions(parser)) else ""
    return " ".join(word for word in (parser.prog, options, *words) if word)


def row(action: argparse.Action) -> str:
    text = (action.help or "") % {"default": action.default, "prog": "tbbridge", "dest": action.dest}
    return f"| `{term(action)}` | " + text.replace("|", "\\|") + " |"


def section(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {parser.prog}\n"
    yield f"{parser.description}\n"
    yield f"```\n{usage(parser)}\n```\n"
    if actions(parser):
        yield "\n".join(["| | |", "|---|---|", *map(row, actions(parser))]) + "\n"


def subparsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [sub for action in found for sub in action.choices.values()]


def pages() -> dict[Path, str]:
    """The text of each page that this script writes."""
    parser = build_parser()
    parts = [HEAD, *section(parser)]
    for sub in subparsers(parser):
        parts += section(sub)
    return {TARGET: "\n".join(parts)}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
