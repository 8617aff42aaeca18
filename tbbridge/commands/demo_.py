"""``tbbridge demo``: see it work without a training."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tbbridge.commands.view_ import number_between
from tbbridge.commands.watch_ import add_page_arguments, page_options

if TYPE_CHECKING:
    from tbbridge.following.bridge import Bridge
    from tbbridge.watching.demo_replay import DemoReplay

HELP = "replay recorded trainings as event files that grow, and watch them: the live page, moving, with no training"
FIRST = "cifar10/conv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "training",
        nargs="*",
        metavar="TRAINING",
        help="which to begin with: mnist, fashion-mnist or cifar10, with /one-layer or /conv (default: "
        f"{FIRST}); the page can begin the others",
    )
    parser.add_argument(
        "--speed",
        type=number_between(0.1, 1e6, "{!r} is no number of steps a second from 0.1 to 1000000"),
        default=50.0,
        metavar="N",
        help="steps a second (default: 50); the page can change it",
    )
    parser.add_argument("--once", action="store_true", help="end when the trainings have ended")
    add_page_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replay and watch until Ctrl-C; 0, or 1 when something could not be written."""
    import tempfile
    from pathlib import Path

    from tbbridge.core.errors import PublishError
    from tbbridge.following.bridge import Bridge
    from tbbridge.watching.demo_replay import DemoReplay, load_recording
    from tbbridge.watching.session import watch

    names = args.training or [FIRST]
    for name in names:
        load_recording(name)
    with tempfile.TemporaryDirectory(prefix="tbbridge-demo-") as folder:
        logdir = Path(folder) / "demo"
        player = DemoReplay(logdir, args.speed, once=args.once)
        for name in names:
            player.begin(name)
        bridge = Bridge(logdir)
        bridge.ended = player.ended
        with player:
            code = watch(
                bridge,
                **page_options(args),
                make_app=lambda source: _page(player, source, names[0]),
                stop=player.over,
            )
    if player.failure:
        raise PublishError(f"the replay cannot write into {folder}: {player.failure.strerror}")
    return code


def _page(player: DemoReplay, source: Bridge, name: str) -> object:
    """The ordinary page with the demo's controls above the charts."""
    from tbbridge.viewer import demo, make_app

    return make_app(source, **demo.page(player, source, name))
