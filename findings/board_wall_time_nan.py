"""A point whose wall time is not a number ends the event file for TensorBoard's default data server.

Seen with tensorboard 2.21.0, data server 0.7.2, tensorboardX 2.6.5.

A writer is told each point's wall time, as programs do that convert logs of other formats, and one of them is NaN.
The default data server shows nothing of the file from that point on, of no tag, and says nothing. The Python loader
shows all points; the page is sent the text "NaN" as that point's time.

    default server: loss [0], accuracy [0, 1]
    Python loader: loss [0, 1, 2, 3, 4], accuracy [0, 1, 2, 3, 4]
"""

from _board import Board
from _run import find


def finding() -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter("logs/run") as writer:
        for step in range(5):
            time = float("nan") if step == 1 else 1767225600.0 + step
            writer.add_scalar("accuracy", step / 10, step, walltime=1767225600.0 + step)
            writer.add_scalar("loss", 1.0 - step / 10, step, walltime=time)
    seen = {}
    for name, fast in {"default server": True, "Python loader": False}.items():
        with Board("logs", fast) as board:
            board.wait_for("plugin/scalars/tags", lambda tags: len(tags.get("run", ())) == 2)
            seen[name] = {tag: [step for step, _ in board.points("run", tag)] for tag in ("loss", "accuracy")}
            if not fast:
                times = [point[0] for point in board.ask("plugin/scalars/scalars", run="run", tag="loss")]
        print(f"{name}: loss {seen[name]['loss']}, accuracy {seen[name]['accuracy']}")
    assert seen["default server"] == {"loss": [0], "accuracy": [0, 1]}
    assert seen["Python loader"] == {"loss": [0, 1, 2, 3, 4], "accuracy": [0, 1, 2, 3, 4]}
    assert times[1] == "NaN"


if __name__ == "__main__":
    find(["tensorboard==2.21.0", "tensorboard-data-server==0.7.2", "tensorboardX==2.6.5"], finding)
