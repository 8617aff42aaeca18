"""TensorBoard's Python loader does not see a run whose directory has "tfevents" in its name.

Seen with tensorboard 2.21.0, data server 0.7.2, tensorboardX 2.6.5.

Many trainings keep their event files in a directory `tfevents` of their own, beside checkpoints. The default data
server shows each as a run. The Python loader takes the directory for an event file and passes over it; it shows runs
further below, and the log directory itself may have the name. A log directory behind a URL has no other loader.

    default server: ['exp1/tfevents', 'exp2/tfevents/train', 'exp3']
    Python loader: ['exp2/tfevents/train', 'exp3']
"""

from _board import Board
from _run import find


def finding() -> None:
    from tensorboardX import SummaryWriter

    for run in ("exp1/tfevents", "exp2/tfevents/train", "exp3"):
        with SummaryWriter(f"logs/{run}") as writer:
            for step in range(5):
                writer.add_scalar("loss", 1.0 / (step + 1), step)
    seen = {}
    for name, fast in {"default server": True, "Python loader": False}.items():
        with Board("logs", fast) as board:
            seen[name] = sorted(board.wait_for("plugin/scalars/tags", lambda tags: "exp3" in tags and len(tags) > 1))
        print(f"{name}: {seen[name]}")
    assert seen["default server"] == ["exp1/tfevents", "exp2/tfevents/train", "exp3"]
    assert seen["Python loader"] == ["exp2/tfevents/train", "exp3"]


if __name__ == "__main__":
    find(["tensorboard==2.21.0", "tensorboard-data-server==0.7.2", "tensorboardX==2.6.5"], finding)
