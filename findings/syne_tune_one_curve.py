"""Syne Tune's TensorBoard callback writes all trials into one curve, two meanings into one tag, and times of 1970.

Each report of each trial is one step further, whichever trial it is: `loss` runs through one trial after the other.
With `target_metric="loss"` the tag `loss` gets two points per step, the best so far and the newest. Wall times are the
seconds since the tuning began. Numbers of the configuration are tags, too.

Seen with syne-tune 0.16.0, tensorboardX 2.6.5, tensorboard 2.21.0 (to read):

    loss: ... (2, 0.333333), (2, 0.333333), (3, 0.333333), (3, 1.0), (4, 0.333333), (4, 0.5) ...; last wall time 30.2
"""

import sys
from pathlib import Path

from _run import events, files, find, runs


def train() -> None:
    """Report three epochs."""
    from syne_tune import Reporter

    report = Reporter()
    for epoch in range(1, 4):
        report(epoch=epoch, loss=1 / epoch)


def finding() -> None:
    """Run two trials, one after the other."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.callbacks import TensorboardCallback
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.baselines import RandomSearch

    tuner = Tuner(
        LocalBackend(__file__),
        RandomSearch({"rate": uniform(0, 1)}, metrics=["loss"]),
        StoppingCriterion(max_num_trials_finished=2),
        n_workers=1,
        sleep_time=0.5,
        callbacks=[TensorboardCallback(target_metric="loss")],
    )
    tuner.run()
    logs = str(Path(tuner.tuner_path, "tensorboard_output"))
    written = runs(logs)
    loss = written["."]["loss"]
    (name,) = files(logs)
    times = [event.wall_time for event in events(f"{logs}/{name}") if event.summary.value]
    print(f"runs {[*written]}, tags {sorted(written['.'])}\nloss: {loss}; last wall time {times[-1]:.1f}")
    assert [step for step, _ in loss] == sorted([*range(len(loss) // 2)] * 2)
    assert len(loss) >= 12
    assert [value for _, value in loss[::2]] != [value for _, value in loss[1::2]]
    assert "rate" in written["."]
    assert max(times) < 1000


if len(sys.argv) > 1:
    train()
else:
    find(["syne-tune==0.16.0", "tensorboardX==2.6.5", "tensorboard==2.21.0"], finding)
