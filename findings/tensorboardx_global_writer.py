"""tensorboardX's GlobalSummaryWriter takes a step for the wall time, and numbers the points of each tag by itself.

`add_scalar(tag, value, step)`, as every SummaryWriter is called, runs without an error: the third place is the wall
time. The event file then holds points of January 1970 whose steps are 0, 1, 2 ... for each tag, so that a validation
that was logged every tenth iteration ends at step 2 beside a training that ends at step 29. A new process starts at 0.

Seen with tensorboardX 2.6.5, tensorboard 2.21.0 (to read):

    train/loss: 30 points, steps 0 .. 29, wall times 0 .. 29
    val/loss: 3 points, steps 0, 1, 2, wall times 9, 19, 29
    a second process: train/loss from step 0 again, in a second file
"""

import subprocess
import sys

from _run import events, files, find, runs


def train() -> None:
    """Write 30 points of training and 3 of validation, with their iterations as steps."""
    from tensorboardX import GlobalSummaryWriter

    writer = GlobalSummaryWriter("logs", filename_suffix=sys.argv[1])
    for iteration in range(30):
        writer.add_scalar("train/loss", 1 / (iteration + 1), iteration)
        if iteration % 10 == 9:
            writer.add_scalar("val/loss", 2 / (iteration + 1), iteration)
    writer.close()


def finding() -> None:
    """Train in two processes, one after the other, and look at steps and wall times."""
    for process in (".first", ".second"):
        subprocess.run([sys.executable, __file__, process], check=True, stdout=subprocess.DEVNULL)
    first, second = files("logs")
    written = runs("logs")["."]
    steps = {tag: [step for step, _ in points] for tag, points in written.items()}
    assert steps == {"train/loss": [*range(30)] * 2, "val/loss": [0, 1, 2] * 2}, steps
    times = {tag: [] for tag in steps}
    for event in events(f"logs/{first}"):
        for value in event.summary.value:
            times[value.tag].append(event.wall_time)
    assert times == {"train/loss": [*range(30)], "val/loss": [9, 19, 29]}, times
    print(f"steps of val/loss: {steps['val/loss']}, wall times in {first}: {times['val/loss']}; then {second}")


if len(sys.argv) > 1:
    train()
else:
    find(["tensorboardX==2.6.5", "tensorboard==2.21.0"], finding)
