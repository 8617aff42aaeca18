"""``tbbridge wait``: conditions on a training as exit codes."""

from __future__ import annotations

import argparse

from tbbridge.commands.mapping_options import add_mapping_arguments

HELP = "wait until a training fulfils a condition; exit code 0 for --until, 10, 11 ... for each --or, 4 for the timeout"


MOST_OTHERS = 246
"""Exit codes from 10 to 255."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="the log directory; it may appear later")
    parser.add_argument(
        "--until",
        required=True,
        metavar="CONDITION",
        help='such as "val accuracy > 0.9", "val loss no better for 20", "train loss is nan", "step >= 1000", '
        '"silent for 10m" or finished; the guide has them all',
    )
    parser.add_argument(
        "--or", action="append", default=[], dest="others", metavar="CONDITION", help="another; may be repeated"
    )
    parser.add_argument("--timeout", metavar="DURATION", help="such as 30s, 10m, 8h or 2d (default: wait for ever)")
    parser.add_argument(
        "--experiment", action="append", default=[], metavar="NAME", help="only this, or a glob; may be repeated"
    )
    parser.add_argument("--all", action="store_true", help="wait until all experiments fulfil the same condition")
    parser.add_argument("--follow-links", action="store_true", help="follow links to directories")
    add_mapping_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Wait, and print the fulfilled condition as one line of JSON; 0, 10, 11 ... by condition, 4 after the timeout."""
    import json

    from tbbridge.commands.mapping_options import mapping_options
    from tbbridge.core.errors import UsageError
    from tbbridge.core.escape import say
    from tbbridge.following.wait import wait

    if len(args.others) > MOST_OTHERS:
        raise UsageError(f"--or: at most {MOST_OTHERS} of them, since each has an exit code of its own")
    found = wait(
        args.logdir,
        [args.until, *args.others],
        timeout=args.timeout,
        experiments=args.experiment,
        everyone=args.all,
        options=mapping_options(args, args.logdir),
        follow_links=args.follow_links,
        say=say,
    )
    if found is None:
        return 4
    print(json.dumps(found.as_json(), allow_nan=False), flush=True)
    return found.place and 9 + found.place
