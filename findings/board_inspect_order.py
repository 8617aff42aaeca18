"""`tensorboard --inspect` reports steps out of order in a healthy file, and counts the steps of one tag only.

Seen with tensorboard 2.21.0, tensorboardX 2.6.5.

A training logs two losses, each of them five times with rising steps; the second after the first, as after an epoch's
end. `--inspect` puts all tags of a kind into one row of steps: where the second tag begins again at 0 it reports a
step out of order. Its "num_steps" is the number of distinct steps over all tags, and no number of points.

    10 points, 2 tags: num_steps 5, outoforder_steps [(4, 0)]
"""

import re
import subprocess
import sys

from _run import find


def finding() -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter("logs") as writer:
        for tag in ("loss/train", "loss/val"):
            for step in range(5):
                writer.add_scalar(tag, 1.0 / (step + 1), step)
    command = [sys.executable, "-m", "tensorboard.main", "--inspect", "--logdir", "logs"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    statistics = said[said.index("Event statistics") :]
    scalars = statistics[statistics.index("scalars") :]
    seen = {name: value.strip() for name, value in re.findall(r"(num_steps|outoforder_steps) +(.*)", scalars)[:2]}
    print("10 points, 2 tags:", ", ".join(f"{name} {value}" for name, value in seen.items()))
    assert seen == {"num_steps": "5", "outoforder_steps": "[(4, 0)]"}


if __name__ == "__main__":
    find(["tensorboard==2.21.0", "tensorboardX==2.6.5"], finding)
