"""Miller takes `inf` and `NaN` for text: means and minima pass over them, counts do not, and sorting puts them first.

Seen with Debian's miller 6.6.0-2 (the package's build number may differ).

The run log of a training that diverged, or the long table of its loss. `mlr stats1` returns a mean of the finite
values alone, although its count has all of them; its minimum passes over `-inf`, its maximum is `inf`. Sorting by
number, largest first, puts `-inf` above 2.5. In JSON the three are strings, beside numbers.

    loss 2.5, inf, NaN, 0.5, -inf: count 5, mean 1.5, min 0.5, max inf
    sorted, largest first: inf NaN -inf 2.5 0.5
"""

import json
import subprocess
from pathlib import Path

from _outside import debian
from _run import find

LOSS = ["2.5", "inf", "NaN", "0.5", "-inf"]


def finding() -> None:
    mlr = debian("miller=6.6.0*") / "usr/bin/mlr"
    Path("log.csv").write_text("step,loss\n" + "".join(f"{step},{loss}\n" for step, loss in enumerate(LOSS)))

    def run(output: str, *verb: str) -> str:
        return subprocess.check_output([mlr, "--icsv", output, *verb, "log.csv"], text=True)

    statistics = json.loads(run("--ojson", "stats1", "-a", "count,mean,min,max", "-f", "loss"))[0]
    order = run("--onidx", "sort", "-nr", "loss", "then", "cut", "-f", "loss").split()
    values = [row["loss"] for row in json.loads(run("--ojson", "cat"))]
    print(f"loss {', '.join(LOSS)}:", ", ".join(f"{name[5:]} {value}" for name, value in statistics.items()))
    print("sorted, largest first:", *order)
    assert statistics == {"loss_count": 5, "loss_mean": 1.5, "loss_min": 0.5, "loss_max": "inf"}
    assert order == ["inf", "NaN", "-inf", "2.5", "0.5"]
    assert values == [2.5, "inf", "NaN", 0.5, "-inf"]


if __name__ == "__main__":
    find([], finding)
