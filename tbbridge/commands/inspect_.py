"""``tbbridge inspect``: the logged series, which of them feeds which column, and why."""

from __future__ import annotations

import argparse

from tbbridge.commands.mapping_options import add_mapping_arguments

HELP = "show the runs, the tags, and which series feeds which column by which rule"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="the log directory, or its URL")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument("--follow-links", action="store_true", help="follow links to directories")
    add_mapping_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report; 0, or 1 when there was damage or something could not be read."""
    import json
    import sys

    from tbbridge.commands.mapping_options import mapping_options
    from tbbridge.core.errors import PathError
    from tbbridge.core.escape import say
    from tbbridge.reading.findings import findings
    from tbbridge.reading.reading import read
    from tbbridge.reading.report import print_report, report_json

    reading = read(args.logdir, options=mapping_options(args, args.logdir), follow_links=args.follow_links)
    if not reading.runs:
        raise PathError(next(iter(reading.problems), f"{args.logdir} holds no event files: give the log directory"))
    if args.json:
        print(json.dumps(report_json(reading), indent=1, allow_nan=False))
    else:
        print_report(reading, sys.stdout)
    found = findings(reading, mapped=False)
    say(*found.lines)
    return int(found.damaged)
