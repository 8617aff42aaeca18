"""Lives through restarts with the real writers of torch and TensorFlow; prints what should be left of each.

    python write_restarts.py DIRECTORY     # a run a scenario; the last line is {scenario: {tag: {step: value}}}

What should be left is noted here as a training would note it for itself, and not read from the files.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from torch.utils.tensorboard import SummaryWriter

Left = dict[str, dict[int, float]]


class Note(defaultdict):
    """What a training would have in its own memory."""

    def __init__(self) -> None:
        super().__init__(dict)

    def back_to(self, step: int) -> None:
        for values in self.values():
            for later in [one for one in values if one >= step]:
                del values[later]


def spot_preemption(path: Path) -> Left:
    """Twelve lives; each loses the steps since its checkpoint, and none says that it begins again."""
    note = Note()
    for life in range(12):
        note.back_to(life * 10)
        writer = SummaryWriter(str(path))
        for step in range(life * 10, life * 10 + 15):
            for tag in ("loss", "accuracy"):
                writer.add_scalar(tag, life + step / 8, step)
                note[tag][step] = life + step / 8
        writer.flush()  # and killed: never closed while the next one runs
    return note


def two_writers_in_one_second(path: Path) -> Left:
    """Two writers begin in the same second and write one tag at the same time; the second wins where both wrote."""
    note = Note()
    first, second = SummaryWriter(str(path)), SummaryWriter(str(path))
    for step in range(20):
        if step % 4 != 1:
            first.add_scalar("loss", step, step)
            note["loss"][step] = step
        if step % 2:
            second.add_scalar("loss", 100 + step, step)
            note["loss"][step] = 100 + step
    first.close()
    second.close()
    return note


def rerun_in_one_second(path: Path) -> Left:
    """Run, and run again at once and shorter: the second run alone is left."""
    for base, length in ((0, 10), (50, 4)):
        note = Note()
        with SummaryWriter(str(path)) as writer:
            for step in range(length):
                writer.add_scalar("loss", base + step, step)
                note["loss"][step] = base + step
    return note


def purged_twice(path: Path) -> Left:
    """torch's purge_step: every tag goes back, also one that is not written again."""
    note = Note()
    for purge, steps in ((None, range(10)), (6, range(6, 9)), (2, range(2, 4))):
        if purge is not None:
            note.back_to(purge)
        with SummaryWriter(str(path), purge_step=purge) as writer:
            for step in steps:
                writer.add_scalar("loss", step / 4, step)
                note["loss"][step] = step / 4
                if purge is None:
                    writer.add_scalar("lr", step / 2, step)
                    note["lr"][step] = step / 2
    return note


def reopened(path: Path) -> Left:
    """close() and go on with the same writer: a new file, and nothing goes back."""
    note = Note()
    writer = SummaryWriter(str(path))
    for step in range(12):
        writer.add_scalar("loss", step, step)
        note["loss"][step] = step
        if step % 4 == 3:
            writer.close()
    return note


def no_steps(path: Path) -> Left:
    """A writer that passes no step, started twice: the ordinal is the step."""
    note = Note()
    for life in range(2):
        with SummaryWriter(str(path)) as writer:
            for value in range(5):
                writer.add_scalar("loss", life * 10 + value)
                note["loss"][life * 5 + value] = life * 10 + value
    return note


def odd_wall_times(path: Path) -> Left:
    """Wall times that the caller passes, NaN, infinite and backwards: each value counts."""
    note = Note()
    with SummaryWriter(str(path)) as writer:
        for step, time in enumerate([float("nan"), float("inf"), 5.0, -1.0, 4.0]):
            writer.add_scalar("loss", step / 2, step, walltime=time)
            note["loss"][step] = step / 2
    return note


def back_and_forth(path: Path) -> Left:
    """One file, steps that go back and come twice: sorted, the last one wins."""
    note = Note()
    with SummaryWriter(str(path)) as writer:
        for place, step in enumerate([0, 1, 2, 5, 3, 3, 1, 9]):
            writer.add_scalar("loss", place, step)
            note["loss"][step] = place
    return note


def doubles(path: Path) -> Left:
    """Doubles beside float32 in one file: each tag as it was written."""
    note = Note()
    with SummaryWriter(str(path)) as writer:
        for step in range(3):
            writer.add_scalar("double", step + 0.1, step, new_style=True, double_precision=True)
            writer.add_scalar("float", step + 0.5, step, new_style=True)
            note["double"][step], note["float"][step] = step + 0.1, step + 0.5
    return note


def session_log(path: Path) -> Left:
    """TensorFlow 1 announces each start with a SessionLog. (Without a suffix, two files of one second are one.)"""
    note = Note()
    with tf.Graph().as_default():
        for begin, end in ((0, 8), (5, 7)):
            writer = tf.compat.v1.summary.FileWriter(str(path), filename_suffix=f".{begin}")
            note.back_to(begin)
            writer.add_session_log(tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START), begin)
            for step in range(begin, end):
                value = tf.compat.v1.Summary.Value(tag="loss", simple_value=end + step)
                writer.add_summary(tf.compat.v1.Summary(value=[value]), step)
                note["loss"][step] = end + step
            writer.close()
    return note


def train_and_test_side_by_side(path: Path) -> Left:
    """TensorFlow 2: two writers in one directory, different tags, killed and resumed; each tag goes back by itself."""
    note = Note()
    for life, begin in enumerate((0, 6)):
        train, test = (
            tf.summary.create_file_writer(str(path), filename_suffix=f".{name}") for name in ("train", "test")
        )
        note.back_to(begin)
        for step in range(begin, begin + 10):
            with train.as_default():
                tf.summary.scalar("train loss", life * 100 + step, step)
            note["train loss"][step] = life * 100 + step
            if step % 3 == 0:
                with test.as_default():
                    tf.summary.scalar("test loss", life * 100 + step / 2, step)
                note["test loss"][step] = life * 100 + step / 2
        train.flush()
        test.flush()
    return note


SCENARIOS = (
    spot_preemption,
    two_writers_in_one_second,
    rerun_in_one_second,
    purged_twice,
    reopened,
    no_steps,
    odd_wall_times,
    back_and_forth,
    doubles,
    session_log,
    train_and_test_side_by_side,
)


def main() -> None:
    root = Path(sys.argv[1])
    print(json.dumps({scenario.__name__: scenario(root / scenario.__name__) for scenario in SCENARIOS}))


if __name__ == "__main__":
    main()
