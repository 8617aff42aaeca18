"""Arguments in, exit code out; does no work itself. Each command is one file of ``tbbridge/commands``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from tbbridge.errors import TbbridgeError

COMMANDS = ("watch", "view", "export", "inspect", "check", "repair", "import", "demo")
"""In the order of the help. ``tbbridge/commands/<name>_.py`` has ``HELP``, ``add_arguments(parser)`` and
``run(args) -> int``; such a file imports the rest of tbbridge inside ``run``, so that ``--help`` is quick."""


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # it takes as long to import as all of argparse

        from tbbridge import decode

        print(f"tbbridge {version('tbbridge')} ({decode.IMPLEMENTATION} decoder)")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="tbbridge", description="Follow TensorBoard event files: one compact CSV a training, and a live page."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and the active decoder, and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"tbbridge.commands.{name}_")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own when `argv` is None).

    Returns 0 when all went well, 1 when there was damage or a target could not be written, 2 when the command or its
    paths are wrong, 130 after Ctrl-C where a command does not end cleanly by it.
    """
    try:
        args = build_parser().parse_args(argv)
        return int(args.run(args))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except TbbridgeError as error:
        print(f"tbbridge: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
