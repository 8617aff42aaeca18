"""``tbbridge view``: the live page alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

HELP = "show the live page for run logs (a CSV file or a directory of them) or for a log directory; nothing is written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("path", metavar="PATH", help="a run log, a directory of run logs, or a log directory")
    parser.add_argument("--follow-links", action="store_true", help="follow links to directories")
    add_server_arguments(parser)
    from tbbridge.commands.mapping_options import add_mapping_arguments

    add_mapping_arguments(parser)


def add_server_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options of every command that serves the page: where, and to whom; return their group."""
    group = parser.add_argument_group("the page")
    group.add_argument("--port", type=int, default=8050, help="the page's port, 0 for any free one (default: 8050)")
    group.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1, which only this machine reaches)",
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name under which the page may be asked for, such as a proxy's; may be repeated",
    )
    group.add_argument("--token", action="store_true", help="show it only to those who know a secret in its address")
    group.add_argument(
        "--prefix",
        default="/",
        metavar="PATH",
        help="the path under which a proxy shows the page, such as /proxy/8050/, whether it strips it or not",
    )
    group.add_argument(
        "--frame",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site whose pages may show this one in a frame, such as http://localhost:8888; may be repeated",
    )
    return group


def number_between(low: float, high: float, wrong: str) -> Callable[[str], float]:
    """Return the reader of an option's number; `wrong` says what it takes, with ``{!r}`` for what was given."""

    def number(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = low - 1
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(wrong.format(text))
        return found

    return number


def server_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_server_arguments` took, as arguments of `tbbridge.viewer.serve`."""
    return {
        "host": args.host,
        "port": args.port,
        "allow_hosts": args.allow_host,
        "token": args.token,
        "prefix": args.prefix,
        "frames": args.frame,
    }


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; 0."""
    import threading
    from contextlib import closing

    from tbbridge import open_source
    from tbbridge.commands.mapping_options import mapping_options
    from tbbridge.core.escape import say
    from tbbridge.viewer import serve
    from tbbridge.watching.session import chosen_plotly, exposure, stopped_by_signals

    stop, options = threading.Event(), mapping_options(args, args.path)
    with (
        stopped_by_signals(stop),
        closing(open_source(args.path, options=options, follow_links=args.follow_links)) as source,
        serve(source, **server_options(args)) as server,
    ):
        print(f"tbbridge: {args.path} at {server.url} (Ctrl-C ends it)", flush=True)
        say(*exposure(args.host, args.token), *chosen_plotly())
        stop.wait()
    return 0
