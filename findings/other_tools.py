"""The recipes of docs/other-tools.md for tools outside Python open a run log and a long table as they were written.

Seen with Debian's sqlite3 3.40.1, r-base-core 4.2.2, r-cran-data.table 1.14.8, gnuplot-nox 5.4.4, miller 6.6.0,
libreoffice-calc 7.4.7, with csvkit 2.2.0, and with d3-dsv 3.0.2 on Node.js 20.

This is the one script here that is no finding: it takes the blocks of that page and runs them on files as tbbridge
writes them, with NaN, infinities, empty cells, and runs that look like a number, a date or a missing value. Debian
packages that are not there are installed, which needs root, and stay.

    sqlite3: 001 inf, 2026-11-24 2.0, NA 2.0
    R: NaN TRUE, empty cell NA; runs 001 2026-11-24 NA
    gnuplot: ends well
    csvkit: largest finite value 1
    Miller: 2 finite values, mean 0.75
    JavaScript: 0.5 NaN Infinity -Infinity 1
    LibreOffice: 001 is text, 0.5 a number
"""

import json
import re
import subprocess
import sysconfig
from pathlib import Path

from _outside import needs, node, npm
from _run import find

PAGE = Path(__file__).parent.parent / "docs/other-tools.md"
LOG = """step,train accuracy,val accuracy,train cross entropy,val cross entropy
0,0.5,0.5,0.5,0.5
1,0.75,,NaN,
2,0.75,0.5,inf,NaN
3,1.0,,1.0,
"""
POINTS = "run,tag,step,wall_time,value\n" + "".join(
    f"{run},loss,{step},{1767225600.25 + step},{value}\n"
    for run, values in {
        "001": ["0.5", "NaN", "inf", "-inf", "1.0"],
        "2026-11-24": ["0.5", "1e-07", "2.0"],
        "NA": ["0.5", "2.0"],
    }.items()
    for step, value in enumerate(values)
)


def block(language: str, section: str) -> str:
    part = PAGE.read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return re.search(rf"^```{language}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)[1]


def run(command: list[str], text: str = "") -> str:
    return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout


def shell(section: str) -> list[str]:
    """Run each line of a section's block; return what each printed."""
    path = f"PATH={sysconfig.get_path('scripts')}:$PATH; "
    return [run(["bash", "-c", path + line]) for line in block("sh", section).splitlines()]


def finding() -> None:
    needs(sqlite3="sqlite3", Rscript="r-base-core r-cran-data.table", gnuplot="gnuplot-nox", mlr="miller")
    needs(soffice="libreoffice-calc")
    Path("logs-csv").mkdir()
    Path("logs-csv/digits-cnn.csv").write_text(LOG)
    Path("points.csv").write_text(POINTS)

    rows = [row.split("|") for row in run(["sqlite3"], block("sqlite", "SQLite")).split("\n")[:-1]]
    print("sqlite3:", ", ".join(f"{row[0]} {row[2].lower()}" for row in rows))
    assert [(row[0], row[2]) for row in rows] == [("001", "Inf"), ("2026-11-24", "2.0"), ("NA", "2.0")]
    assert rows[0][3] == "2026-01-01 00:00:00"

    report = """
        val <- log[["val accuracy"]]
        cat(is.nan(log[["train cross entropy"]][2]), is.na(val[2]), is.nan(val[2]), "\\n")
        cat(unique(points$run), "\\n")
        cat(format(points$value[c(3, 4, 7)], digits = 17), "\\n")
    """
    one, two = block("r", "R").split("points <- data.table")
    seen = run(["Rscript", "-"], one + report + "points <- data.table" + two + report).split("\n")
    seen = [line.split() for line in seen if line]
    print("R:", *(" ".join(line) for line in seen[:2]))
    assert seen[0] == ["TRUE", "TRUE", "FALSE"]
    assert seen[1] == ["001", "2026-11-24", "NA"]
    assert [float(value) for value in seen[2]] == [float("inf"), float("-inf"), 1e-07]
    assert seen[3:] == seen[:3]

    drawn = run(["gnuplot"], "set terminal dumb\nset datafile columnheaders\n" + block("gnuplot", "gnuplot"))
    print("gnuplot: ends well")
    assert "val cross entropy" in drawn

    largest, by_run = shell("csvkit")
    print("csvkit: largest finite value", largest.strip())
    assert float(largest) == 1
    assert by_run == POINTS

    statistics = json.loads(shell("Miller")[0])[0]
    count, mean = (statistics[f"train cross entropy_{name}"] for name in ("count", "mean"))
    print(f"Miller: {count} finite values, mean {mean}")
    assert (count, mean) == (2, 0.75)

    npm("d3-dsv@3.0.2")
    tell = "console.log(JSON.stringify(points.map(p => [p.run, String(p.value), p.time.toISOString()])));"
    points = json.loads(node(block("js", "JavaScript") + tell))
    print("JavaScript:", *(value for run, value, _ in points if run == "001"))
    assert [value for run, value, _ in points if run == "001"] == ["0.5", "NaN", "Infinity", "-Infinity", "1"]
    assert points[0][2] == "2026-01-01T00:00:00.250Z"
    assert [run for run, _, _ in points][5:] == ["2026-11-24"] * 3 + ["NA"] * 2

    import openpyxl

    shell("LibreOffice and Excel")
    cells = list(openpyxl.load_workbook("sheets/points.xlsx").active.values)
    print(f"LibreOffice: {cells[1][0]} is text, {cells[1][4]} a number")
    assert [row[0] for row in cells[1::5]] == ["001", "2026-11-24"]
    assert cells[1][1:] == ("loss", 0, 1767225600.25, 0.5)
    assert cells[2][4] == "NaN"


if __name__ == "__main__":
    find(["csvkit==2.2.0", "agate==1.14.2", "openpyxl==3.1.5"], finding)
