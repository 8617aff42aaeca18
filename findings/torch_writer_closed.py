"""A SummaryWriter that was closed goes on when it is used again: in one more event file, without a warning.

So a loop that closes its writer after each epoch (to be sure that all is on the disk) leaves one event file per epoch
in one run. The points are all there, in the order of the files. torch and tensorboardX do the same.

Seen with torch 2.13.0, tensorboardX 2.6.5, tensorboard 2.21.0 without tensorflow:

    torch: 4 files, steps [0, 1, 2, 3]
    tensorboardX: 4 files, steps [0, 1, 2, 3]
"""

import time

from _run import files, find, runs


def finding() -> None:
    """Close a writer after each of four epochs, and go on with it."""
    import tensorboardX
    from torch.utils import tensorboard

    for name, library in (("torch", tensorboard), ("tensorboardX", tensorboardX)):
        writer = library.SummaryWriter(name)
        for epoch in range(4):
            writer.add_scalar("loss", 1 / (epoch + 1), epoch)
            writer.close()
            time.sleep(1.1)  # an epoch; tensorboardX names its files by the second
        steps = [step for step, _ in runs(name)["."]["loss"]]
        print(f"{name}: {len(files(name))} files, steps {steps}")
        assert len(files(name)) == 4
        assert steps == [0, 1, 2, 3]


find(["torch==2.13.0", "tensorboardX==2.6.5", "tensorboard==2.21.0"], finding)
