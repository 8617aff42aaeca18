"""``tbbridge status``: how far the trainings of a published directory are."""

from __future__ import annotations

import argparse

HELP = "print one line per experiment of a directory that watch or export publishes into; no event file is read"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("out", metavar="OUT", help="where the run logs and summary.csv are, such as LOGDIR-csv/")


def run(args: argparse.Namespace) -> int:
    """Print the lines; 0."""
    from tbbridge.core.escape import escaped
    from tbbridge.watching.status import status_lines

    for line in status_lines(args.out):
        print(escaped(line))
    return 0
