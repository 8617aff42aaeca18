"""Arguments in, exit code out; does no work itself. Each command is one file of ``tbbridge/commands``."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from tbbridge.core import settings
from tbbridge.core.errors import ConditionError, TbbridgeError
from tbbridge.core.escape import escaped, say
from tbbridge.core.version import VERSION

if TYPE_CHECKING:
    import argparse

COMMANDS = ("watch", "view", "export", "inspect", "wait", "status", "check", "repair", "import", "demo")
"""In the order of the help. ``tbbridge/commands/<name>_.py`` has ``HELP``, ``add_arguments(parser)`` and
``run(args) -> int``; such a file imports the rest of tbbridge inside ``run``, so that ``--help`` is quick."""


def version_line() -> str:
    """Return the version and which decoder is active, which is looked up without loading it (and NumPy)."""
    compiled = settings.DECODER != "plain" and PathFinder.find_spec(
        "_native", [os.path.join(os.path.dirname(__file__), "decode")]
    )
    return f"tbbridge {VERSION} ({'compiled' if compiled else 'plain'} decoder)"


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the command line; with `names`, of these commands alone, which is quicker."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="tbbridge", description="Follow TensorBoard event files: one compact CSV per training, and a live page."
    )
    parser.add_argument(
        "--version", action="version", version=version_line(), help="show the version and the active decoder, and exit"
    )
    # with prog, since argparse would format the usage to find it
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    for name in names:
        module = importlib.import_module(f"tbbridge.commands.{name}_")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run, parser=command)
    return parser


def _parsed(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; without a command show all of them, and the usage of the one that has a wrong option."""
    args, unknown = parser.parse_known_args(words)
    if not args.command and not unknown:
        parser.print_help(sys.stderr)
        parser.exit(2)
    if unknown:
        getattr(args, "parser", parser).error(f"unrecognized arguments: {' '.join(map(escaped, unknown))}")
    return args


_NAMING = ("--steps", "--experiment", "--runs", "--tags", "--group", "--name")
"""Options whose value may begin with a minus; after one whose value was forgotten, ``-o`` is an option all the same."""


def _joined(argv: Sequence[str]) -> list[str]:
    """The arguments, with a value that begins with a minus made one with its option: ``--steps -5:0``."""
    joined: list[str] = []
    for argument in argv:
        named = argument[:1] == "-" and argument[1:2] not in ("", "-") and argument not in ("-o", "-h")
        if named and joined and joined[-1] in _NAMING:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own when `argv` is None).

    Returns 0 when all went well, 1 when there was damage or a target could not be written, 2 when the command or its
    paths are wrong, 130 after Ctrl-C where a command does not end cleanly by it.
    """
    _prepare_streams()
    gc.set_threshold(20_000)  # most objects of a start stay: the collector would look at them again and again
    try:
        words = _joined(sys.argv[1:] if argv is None else argv)
        if words == ["--version"]:  # before anything of the command line is built
            print(version_line(), flush=True)
            return 0
        args = _parsed(build_parser(words[:1] if words and words[0] in COMMANDS else COMMANDS), words)
        if args.command not in ("status", "check", "repair"):  # which need it for damage alone
            _load_numpy()
        code = int(args.run(args))
        sys.stdout.flush()  # a failing write is reported below, and not by the interpreter's end
        return code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except TbbridgeError as error:
        say(error.message)
        for line in error.pointer if isinstance(error, ConditionError) else ():
            print(escaped(line), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        if argv is None:  # the process's own: a thread that still reads a huge file, or awaits a store, is left behind
            try:
                sys.stdout.flush()
            finally:  # a reader that Ctrl-C ended, too, is no error
                os._exit(130)
        return 130
    except BrokenPipeError:
        _let_go_of_stdout()
        return 1
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not error.filename:  # of os.getcwd
            say("the working directory was deleted: give absolute paths, or go to another")
            return 2
        _let_go_of_stdout()
        what = error.filename or "cannot write to standard output"
        say(f"{what}: {error.strerror or error}")
        return 1


def _load_numpy() -> None:
    """Load NumPy, whose OpenBLAS starts a thread per core unless it is told not to: nothing here multiplies matrices.

    The setting goes again, since the commands of ``--exec`` inherit the environment.
    """
    if "OPENBLAS_NUM_THREADS" in os.environ:
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        importlib.import_module("numpy")
    finally:
        del os.environ["OPENBLAS_NUM_THREADS"]


def _prepare_streams() -> None:
    """Let every name be printed, with escapes where the output's encoding has no such character.

    A process without standard streams (``>&-``) prints nowhere, and never into a file that took their place.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  # for as long as the process lives
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_stdout() -> None:
    """Whatever is still to be written goes nowhere, so that the interpreter ends without complaint."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
