"""``tbbridge import``: run logs become event files."""

from __future__ import annotations

import argparse

HELP = "turn run logs (CSV, with or without header) into event files that TensorBoard shows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("run_logs", nargs="+", metavar="RUN_LOG.csv", help="run logs, of tbbridge or an older viewer")
    parser.add_argument("logdir", metavar="LOGDIR", help="the log directory to write into")
    parser.add_argument("--name", help="the experiment's name (default: the file's name without its suffix)")
    parser.add_argument("--force", action="store_true", help="replace an earlier import of the same name")


def run(args: argparse.Namespace) -> int:
    """Import each run log; one that fails does not stop the others."""
    import sys

    from tbbridge.core.errors import FormatError, TbbridgeError, UsageError
    from tbbridge.core.escape import escaped, say
    from tbbridge.exporting.import_run_log import import_run_log

    if args.name and len(args.run_logs) > 1:
        raise UsageError("--name is for one run log: leave it out, or import them one by one")
    code = 0
    for source in args.run_logs:
        notes: list[str] = []
        try:
            for path in import_run_log(source, args.logdir, name=args.name, force=args.force, notes=notes):
                print(escaped(str(path)) if sys.stdout.isatty() else path)
        except TbbridgeError as error:
            say(error.message)
            code = max(code, 1 if isinstance(error, FormatError) and args.run_logs[1:] else error.exit_code)
        say(*notes)
    return code
