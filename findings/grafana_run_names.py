"""Grafana's own reading of a CSV takes runs `001` and `2026-11-24` for the numbers 1 and 2026.

Seen with @grafana/data 13.2.3, which reads a CSV that is dropped on a dashboard, on Node.js 20.

The first cell of a column decides its type, as far as a number can be read from its beginning; cells that hold none are
then NaN, so that a run `mnist` behind a run `001` has no name. A line `#type#string,...` above the table changes
nothing. In a run log an empty cell, `NaN` and `inf` are all NaN: a gap in the line.

    runs 001, 2026-11-24, mnist: 1, 2026, NaN
    the same below #type#: 1, 2026, NaN
    runs mnist, 001: mnist, 001
    loss 0.5, (empty), NaN, inf, 1.0: 0.5, NaN, NaN, NaN, 1
"""

import json

from _outside import node, npm
from _run import find

PROGRAM = """
import {createRequire} from "node:module";
const data = createRequire(import.meta.url)("@grafana/data");
const column = (text, name) => data.readCSV(text)[0].fields.find(field => field.name === name);
const told = (text, name) => [...column(text, name).values].map(String).join(", ");
const runs = names => names.map(name => `${name},loss,0,1767225600.25,0.5\\n`).join("");
const head = "run,tag,step,wall_time,value\\n", three = runs(["001", "2026-11-24", "mnist"]);
console.log(JSON.stringify([
  told(head + three, "run"),
  told("#name#" + head + "#type#string,string,number,number,number\\n" + three, "run"),
  told(head + runs(["mnist", "001"]), "run"),
  told("step,loss\\n0,0.5\\n1,\\n2,NaN\\n3,inf\\n4,1.0\\n", "loss"),
]));
"""


def finding() -> None:
    npm("@grafana/data@13.2.3")
    numbers, below, texts, losses = json.loads(node(PROGRAM))
    print(f"runs 001, 2026-11-24, mnist: {numbers}\nthe same below #type#: {below}\nruns mnist, 001: {texts}")
    print(f"loss 0.5, (empty), NaN, inf, 1.0: {losses}")
    assert numbers == below == "1, 2026, NaN"
    assert texts == "mnist, 001"
    assert losses == "0.5, NaN, NaN, NaN, 1"


if __name__ == "__main__":
    find([], finding)
