"""``tbbridge repair``: a clean event file of all intact records."""

from __future__ import annotations

import argparse

HELP = "write all intact records of a damaged event file into a new one, which TensorBoard reads to its end"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the event file, or its URL; it is only read")
    parser.add_argument("--out", "-o", required=True, metavar="NEW", help="the new event file")
    parser.add_argument("--force", action="store_true", help="replace NEW if it is there")


def run(args: argparse.Namespace) -> int:
    """Write the new file and say what became of the old one's bytes."""
    from tbbridge.core.escape import escaped
    from tbbridge.reading.repair import repair

    done = repair(args.file, args.out, force=args.force)
    print(escaped(f"{args.out}: {done.kept} records, {done.bytes_after} bytes of {done.bytes_before}"))
    if done.rewritten:
        print(f"  {done.rewritten} records had text that is no UTF-8; such bytes are now written as \\xNN")
    if done.unreadable:
        print(f"  {done.unreadable} records with right checksums left out: they hold no readable event")
    return 0
