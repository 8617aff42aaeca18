"""tbparse's pivot drops the NaN of a run that diverged, and puts the runs' values into another order at each step.

Seen with tbparse 0.0.9, pandas 3.1.1, tensorboard 2.21.0, tensorboardX 2.6.5.

Three runs log one tag; the second diverges at step 2. `SummaryReader(logdir, pivot=True)` returns a row per step,
with the runs' values in a list. The NaN is in no list, so that at step 2 there are two values, and nothing says
whose; where one value is left, it stands there without a list. The order of the runs in the lists is not the same in
all rows. With `extra_columns={"dir_name"}` each run has rows of its own, and the NaN is there.

    step 0 [0.0, 1.0, 2.0], step 1 [2.0, 3.0, 1.0], step 2 [2.0, 4.0], step 3 [3.0, 5.0], step 4 4.0
"""

import math

from _run import find


def finding() -> None:
    from tbparse import SummaryReader
    from tensorboardX import SummaryWriter

    for run in range(3):
        with SummaryWriter(f"logs/seed{run}") as writer:
            for step in range(4 if run == 2 else 5):
                diverged = run == 1 and step >= 2
                writer.add_scalar("loss", float("nan") if diverged else float(run + step), step)

    frame = SummaryReader("logs", pivot=True).scalars
    cells = dict(zip(frame["step"], frame["loss"], strict=True))
    print(*(f"step {step} {cell}," for step, cell in cells.items()))
    assert sorted(cells[2]) == [2.0, 4.0]
    assert sorted(cells[3]) == [3.0, 5.0]
    assert cells[4] == 4.0
    # each value minus its step is the number of the run
    orders = [[value - step for value in cells[step]] for step in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == [0.0, 1.0, 2.0]
    assert orders[0] != orders[1]

    apart = SummaryReader("logs", pivot=True, extra_columns={"dir_name"}).scalars
    diverged = apart[(apart["dir_name"] == "seed1") & (apart["step"] == 2)]["loss"].tolist()
    assert len(diverged) == 1
    assert math.isnan(diverged[0])


if __name__ == "__main__":
    find(["tbparse==0.0.9", "pandas==3.1.1", "tensorboard==2.21.0", "tensorboardX==2.6.5"], finding)
