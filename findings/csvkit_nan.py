"""csvkit: one NaN in a column, and `csvstat --max` answers None, while `csvsort` on it ends with an error.

Seen with csvkit 2.2.0, agate 1.14.2.

The run log of a training that diverged. csvstat takes the column for numbers, prints its mean as NaN, and leaves out
its minimum, maximum and median; asked for one of them it prints None. csvsort by that column ends with
InvalidOperation. Sorting by another column goes well and writes all numbers in another way: `1e-07` is `1E-7`, `inf`
is `Infinity`; and in a log of two rows the steps 0 and 1 are False and True. csvcut and csvgrep leave texts alone.

    csvstat --max: None; --mean: NaN
    csvsort -c loss: InvalidOperation
    csvsort -r -c step: 3,1E-7  2,NaN  1,Infinity  0,2.5
    csvsort -r -c step, two rows: True,Infinity  False,2.5
"""

import subprocess
import sysconfig
from pathlib import Path

from _run import find


def csvkit(tool: str, *arguments: str) -> tuple[int, str, str]:
    command = [Path(sysconfig.get_path("scripts"), tool), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def finding() -> None:
    Path("log.csv").write_text("step,loss\n0,2.5\n1,inf\n2,NaN\n3,1e-07\n")
    Path("two.csv").write_text("step,loss\n0,2.5\n1,inf\n")
    largest, mean = (csvkit("csvstat", option, "-c", "loss", "log.csv")[1].strip() for option in ("--max", "--mean"))
    print(f"csvstat --max: {largest}; --mean: {mean}")
    assert (largest, mean) == ("None", "NaN")
    code, _, error = csvkit("csvsort", "-c", "loss", "log.csv")
    print("csvsort -c loss:", error.split(":")[0])
    assert code != 0
    assert error.startswith("InvalidOperation")
    by_step = csvkit("csvsort", "-r", "-c", "step", "log.csv")[1].split()[1:]
    of_two = csvkit("csvsort", "-r", "-c", "step", "two.csv")[1].split()[1:]
    print("csvsort -r -c step:", *by_step)
    print("csvsort -r -c step, two rows:", *of_two)
    assert by_step == ["3,1E-7", "2,NaN", "1,Infinity", "0,2.5"]
    assert of_two == ["True,Infinity", "False,2.5"]
    assert csvkit("csvcut", "-c", "loss", "log.csv")[1].split() == ["loss", "2.5", "inf", "NaN", "1e-07"]


if __name__ == "__main__":
    find(["csvkit==2.2.0", "agate==1.14.2"], finding)
