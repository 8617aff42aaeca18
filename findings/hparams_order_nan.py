"""TensorBoard's HParams table loses its order where a training diverged: the best of seven stands last.

Seen with tensorboard 2.21.0, data server 0.7.2, torch 2.13.0.

Seven trainings log hyperparameters and an accuracy; two of them end with NaN. The table is asked for by accuracy,
best first, as its page and its CSV download ask. The NaNs stay where they were, and each of them cuts the sorting:
what stands before it is in order, and what stands after it is in order by itself. Ascending order does the same.

    best first: 0.9 nan 0.8 0.7 0.5 nan 0.95
    worst first: 0.5 0.9 nan 0.7 0.8 nan 0.95
"""

import json

from _board import Board
from _run import find

ACCURACY = [0.5, 0.9, float("nan"), 0.7, 0.8, float("nan"), 0.95]


def table(board: Board, order: str) -> list[str]:
    request = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": [{"metric": {"group": "", "tag": "accuracy"}, "order": order}],
        "startIndex": 0,
        "sliceSize": 100,
    }
    columns = json.dumps([True, True])
    asked = {"format": "csv", "columnsVisibility": columns, "request": json.dumps(request)}
    rows = board.text("plugin/hparams/download_data", **asked).split()
    assert rows[0] == "lr,accuracy", rows
    return [f"{float(row.split(',')[1]):.4g}" for row in rows[1:]]


def finding() -> None:
    from torch.utils.tensorboard import SummaryWriter

    for number, accuracy in enumerate(ACCURACY):
        with SummaryWriter(f"logs/run{number}") as writer:
            writer.add_hparams({"lr": 0.1 * number}, {"accuracy": accuracy}, run_name=".")
    for name, fast in {"default server": True, "Python loader": False}.items():
        with Board("logs", fast) as board:
            board.wait_for("plugin/scalars/tags", lambda tags: len(tags) == len(ACCURACY))
            down, up = table(board, "ORDER_DESC"), table(board, "ORDER_ASC")
        print(f"{name}, best first: {' '.join(down)}")
        print(f"{name}, worst first: {' '.join(up)}")
        assert down == ["0.9", "nan", "0.8", "0.7", "0.5", "nan", "0.95"]
        assert up == ["0.5", "0.9", "nan", "0.7", "0.8", "nan", "0.95"]


if __name__ == "__main__":
    find(["tensorboard==2.21.0", "tensorboard-data-server==0.7.2", "torch==2.13.0", "numpy==2.4.6"], finding)
