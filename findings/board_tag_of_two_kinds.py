"""TensorBoard's Python loader refuses a tag for all runs once one run has it as a scalar and, later, as a histogram.

Seen with tensorboard 2.21.0, data server 0.7.2, tensorboardX 2.6.5.

A run logs `weights` as a scalar and, later, as a histogram; another run logs the same tag as scalars alone. The first
kind that comes decides what the tag is, in both of TensorBoard's servers. The default data server shows the scalars
of both runs. The Python loader (`--load_fast false`, and all there is for log directories behind a URL) still lists
the tag, but answers a request for the first run with status 500, and so it does where the page asks for the tag of
both runs in one request: the clean run's line is gone, too. Where the histogram comes first, the tag is no scalar for
either of them.

    default server: mixed [(0, 0.0), (1, 1.0), (2, 2.0)], clean [(0, 0.0), (1, 1.0), (2, 2.0)], both in one request 200
    Python loader: mixed 500, clean [(0, 0.0), (1, 1.0), (2, 2.0)], both in one request 500
"""

import urllib.error
import urllib.parse

from _board import Board
from _run import find


def write() -> None:
    from tensorboardX import SummaryWriter

    for run, steps in {"mixed": range(3), "clean": range(3), "histogram-first": range(3, 6)}.items():
        with SummaryWriter(f"logs/{run}") as writer:
            if run == "histogram-first":
                for step in range(3):
                    writer.add_histogram("weights", [0.0, 0.5, 1.0], step)
            for step in steps:
                writer.add_scalar("weights", float(step), step)
            if run == "mixed":
                for step in range(3, 6):
                    writer.add_histogram("weights", [0.0, 0.5, 1.0], step)


def answer(board: Board, run: str):
    try:
        return board.points(run, "weights")
    except urllib.error.HTTPError as error:
        return error.code


def together(board: Board) -> int:
    form = urllib.parse.urlencode({"tag": "weights", "runs": ["clean", "mixed"]}, doseq=True)
    try:
        board.ask("plugin/scalars/scalars_multirun", form=form)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def finding() -> None:
    write()
    seen = {}
    for name, fast in {"default server": True, "Python loader": False}.items():
        with Board("logs", fast) as board:
            board.wait_for("plugin/scalars/tags", lambda tags: {"mixed", "clean"} <= set(tags))
            board.wait_for("plugin/histograms/tags", lambda tags: "histogram-first" in tags)
            mixed, clean, first = (answer(board, run) for run in ("mixed", "clean", "histogram-first"))
            both = together(board)
        seen[name] = mixed, clean, both, first
        print(f"{name}: mixed {mixed}, clean {clean}, both in one request {both}")
    points = [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert seen["default server"] == (points, points, 200, 404)
    assert seen["Python loader"] == (500, points, 500, 404)


if __name__ == "__main__":
    find(["tensorboard==2.21.0", "tensorboard-data-server==0.7.2", "tensorboardX==2.6.5"], finding)
