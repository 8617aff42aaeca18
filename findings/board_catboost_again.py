"""TensorBoard joins two CatBoost trainings into one line, where the second began while TensorBoard was open.

Seen with catboost 1.2.10, tensorboard 2.21.0, data server 0.7.2.

CatBoost writes the event file of each training under the same name, over the one before. TensorBoard, which has read
the first training, goes on at the byte where it was: it shows the first training's iterations and, below the same tag,
the second's from there on. Nothing is reported, and the second training's beginning is not shown. Both of its servers
do so.

    default server: iterations 0 .. 7 of the first training, 8 .. 19 of the second
    Python loader: iterations 0 .. 7 of the first training, 8 .. 19 of the second
"""

import shutil

from _board import Board
from _run import events, find


def fit(depth: int, iterations: int) -> list[float]:
    """Train in the directory `logs` and return the losses that the event file holds then."""
    import numpy
    from catboost import CatBoostClassifier

    x = numpy.random.default_rng(0).normal(size=(100, 4))
    model = CatBoostClassifier(iterations=iterations, depth=depth, train_dir="logs", verbose=False)
    model.fit(x, x.sum(1) > 0)
    return [event.summary.value[0].simple_value for event in events("logs/learn/events.out.tfevents")]


def finding() -> None:
    for name, fast in {"default server": True, "Python loader": False}.items():
        shutil.rmtree("logs", ignore_errors=True)
        first = fit(1, 8)
        with Board("logs", fast) as board:
            board.wait_for("plugin/scalars/tags", lambda tags: "Logloss" in tags.get("learn", {}))
            assert [value for _, value in board.points("learn", "Logloss")] == first
            second = fit(6, 20)
            address = "plugin/scalars/scalars?run=learn&tag=Logloss&"
            shown = board.wait_for(address, lambda points: len(points) > 8)
        assert len(second) == 20
        assert not set(first) & set(second)
        assert [step for _, step, _ in shown] == list(range(20))
        assert [value for _, _, value in shown] == first + second[8:]
        print(f"{name}: iterations 0 .. 7 of the first training, 8 .. {shown[-1][1]} of the second")


if __name__ == "__main__":
    find(["catboost==1.2.10", "tensorboard==2.21.0", "tensorboard-data-server==0.7.2"], finding)
