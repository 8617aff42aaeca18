"""``tbbridge watch``: the main job."""

from __future__ import annotations

import argparse
from typing import Any

from tbbridge.commands.mapping_options import add_mapping_arguments
from tbbridge.commands.view_ import add_server_arguments, number_between, server_options

HELP = "follow a log directory: keep its run logs, serve the live page, show a table, until Ctrl-C"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="the log directory; it may appear later")
    parser.add_argument("--out", "-o", metavar="DIR", help="where the run logs go (default: LOGDIR-csv/)")
    parser.add_argument("--no-header", action="store_true", help="leave the line of column names out of the run logs")
    parser.add_argument("--no-summary", action="store_true", help="keep no summary.csv beside the run logs")
    parser.add_argument(
        "--layout",
        type=_layouts,
        default=("compact",),
        metavar="LAYOUTS",
        help="compact: run logs (the default); wide: a column per tag, in NAME.wide.csv; compact,wide: both",
    )
    parser.add_argument("--prune", action="store_true", help="remove the run log of an experiment that was deleted")
    parser.add_argument("--follow-links", action="store_true", help="follow links to directories")
    parser.add_argument(
        "--poll-interval",
        type=number_between(0.05, 86400, "give seconds from 0.05 to 86400"),
        default=2.0,
        metavar="S",
        help="seconds between looks at everything, which back up the system's notifications (default: 2)",
    )
    group = parser.add_argument_group("conditions", "what is done when an experiment comes to fulfil one")
    group.add_argument(
        "--on",
        action="append",
        default=[],
        metavar="CONDITION",
        help='such as "train loss is nan", as for wait: told here and marked on the page; may be repeated',
    )
    group.add_argument(
        "--exec",
        metavar="COMMAND",
        help="run once per experiment and condition, with the facts in TBBRIDGE_CONDITION, TBBRIDGE_EXPERIMENT, "
        "TBBRIDGE_STEP, TBBRIDGE_VALUE ...; its words are split as a shell's, but no shell runs it",
    )
    group.add_argument("--shell", action="store_true", help="let a shell run the command")
    group.add_argument("--again", action="store_true", help="also for what had been fulfilled before the watch began")
    add_page_arguments(parser)
    add_mapping_arguments(parser)


def add_page_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that follows: where the page is served, and what beside it."""
    group = add_server_arguments(parser)
    group.add_argument("--no-viewer", action="store_true", help="serve no page")
    group.add_argument("--open", action="store_true", help="open the page in a browser")
    group.add_argument("--tensorboard", action="store_true", help="start TensorBoard on the same log directory, too")


def page_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_page_arguments` took, as arguments of `tbbridge.watching.session.watch`."""
    page = None if args.no_viewer else server_options(args)
    return {"page": page, "host": args.host, "with_tensorboard": args.tensorboard, "open_browser": args.open}


def _layouts(text: str) -> tuple[str, ...]:
    layouts = tuple(dict.fromkeys(text.split(",")))
    if not {*layouts} <= {"compact", "wide"}:
        raise argparse.ArgumentTypeError("give compact, wide, or compact,wide")
    return layouts


def run(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C; 0, or 1 when the last state could not be published."""
    from tbbridge import Condition
    from tbbridge.commands.mapping_options import mapping_options
    from tbbridge.core.errors import UsageError
    from tbbridge.following.bridge import Bridge
    from tbbridge.watching.actions import Actions
    from tbbridge.watching.session import watch

    if args.exec is not None and not args.exec.strip():
        raise UsageError("--exec is empty: give the command to run")
    if args.exec and not args.on:
        raise UsageError('--exec needs a condition: add --on "val accuracy > 0.9"')
    if (args.shell or args.again) and not args.exec:
        raise UsageError("--shell and --again are for a command: add --exec COMMAND")
    conditions = [Condition(text) for text in args.on]
    bridge = Bridge(
        args.logdir,
        args.out,
        header=not args.no_header,
        summary=not args.no_summary,
        options=mapping_options(args, args.logdir),
        poll_interval=args.poll_interval,
        follow_links=args.follow_links,
        prune=args.prune,
        conditions=conditions,
        layouts=args.layout,
    )
    actions = Actions(bridge, args.exec or "", shell=args.shell, again=args.again) if args.on else None
    return watch(bridge, actions=actions, **page_options(args))
