"""CatBoost rewrites its event files at each fit: a second training erases the first, a resume changes wall times.

The files are `learn/events.out.tfevents` and `test/events.out.tfevents` below `train_dir`, always of that name. A
training that is resumed from its snapshot writes the iterations of its first part once more, with the wall time of the
resume; wall times are whole seconds, so that fast iterations share one. No record at the start names the version.

Seen with catboost 1.2.10, tensorboard 2.21.0 (to read):

    resumed: iterations 0 .. 9 at one wall time, after the resume began
    second training in the same directory: 4 points; the first one's 8 are gone
"""

import time

from _run import events, find, runs


def finding() -> None:
    """Stop and resume one training, and run two others in one directory."""
    import numpy
    from catboost import CatBoostClassifier

    x = numpy.random.default_rng(0).normal(size=(100, 4))
    y = x.sum(1) > 0

    def fit(folder: str, iterations: int, **options) -> None:
        model = CatBoostClassifier(iterations=iterations, train_dir=folder, verbose=False, **options)
        model.fit(x[:80], y[:80], eval_set=(x[80:], y[80:]))

    snapshot = {"save_snapshot": True, "snapshot_file": "snapshot", "snapshot_interval": 0}
    fit("resumed", 5, **snapshot)
    time.sleep(5)
    resume = time.time()
    fit("resumed", 10, **snapshot)
    written = events("resumed/learn/events.out.tfevents")
    times = [event.wall_time for event in written]
    print(f"steps {[event.step for event in written]}, wall times {sorted(set(times))}, resumed at {resume:.2f}")
    assert [event.step for event in written] == [*range(10)]
    assert min(times) >= int(resume)
    assert all(moment == int(moment) for moment in times)
    assert not written[0].file_version

    fit("twice", 8)
    fit("twice", 4)
    points = {run: [step for step, _ in tags["Logloss"]] for run, tags in runs("twice").items()}
    print(f"after two trainings in one directory: {points}")
    assert points == {"learn": [0, 1, 2, 3], "test": [0, 1, 2, 3]}


find(["catboost==1.2.10", "tensorboard==2.21.0"], finding)
