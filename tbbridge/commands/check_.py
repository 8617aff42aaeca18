"""``tbbridge check``: the content of each event file, and the parts that could not be used."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tbbridge.reading.check import Checked

HELP = "say for each event file what is in it and what is damaged; exit code 1 where there is damage"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="the log directory, its URL, or one event file")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument("--follow-links", action="store_true", help="follow links to directories")


def run(args: argparse.Namespace) -> int:
    """Print the report; 0 when all could be used, 1 where there is damage or a file cannot be read."""
    from tbbridge.core.errors import PathError
    from tbbridge.core.escape import escaped, say
    from tbbridge.core.model import JSON_VERSION
    from tbbridge.reading.check import check

    found = check(args.logdir, follow_links=args.follow_links)
    if not found.files:
        raise PathError(next(iter(found.problems), f"{args.logdir} holds no event files: give the log directory"))
    if args.json:
        import json

        print(json.dumps({"version": JSON_VERSION, "files": [file.as_json() for file in found.files]}, indent=1))
    else:
        for file in found.files:
            for line in _lines(file):
                print(escaped(line))
    say(*found.problems, *found.notes)
    return int(not found.sound)


def _lines(file: Checked) -> list[str]:
    log = file.log
    if log.foreign:
        return [f"{file.path}: {log.size} bytes, not an event file, but {log.foreign}"]
    lines = [f"{file.path}: {log.size} bytes, {log.records} records, {file.scalars} scalars"]
    lines += [f"  bytes {one.start} to {one.end} lost: {one.reason}" for one in log.damage]
    lines += [f"  {count} passed over: {reason}" for reason, count in sorted(log.passed_over.items())]
    if log.incomplete_tail:
        lines.append(f"  unfinished record of {log.incomplete_tail} bytes at the end: normal while a training writes")
    return lines + ([f"  {file.problem}"] if file.problem else [])
