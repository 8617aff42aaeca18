"""Vega's own reading of a CSV turns run names such as `mnist-1` into dates of the year 2001.

Seen with vega-loader 5.1.3 (of vega 6) on Node.js 20; d3-dsv 3.0.2 and arquero 5.4.1 beside it.

With `"format": {"type": "csv", "parse": "auto"}` a column is a date where JavaScript's Date.parse takes all its
texts, and V8 takes a word with a number from 1 to 12 behind a blank or a hyphen for a month of the year 2001: runs
`mnist-1`, `mnist-2` are two time stamps, in the browser's time zone. The names come back as text once there is a
thirteenth run, or an underscore. A column of losses is text as soon as one of them is NaN or infinite. d3.autoType
and arquero leave such names alone.

    mnist-1, mnist-2: vega-loader 2001-01-01, 2001-02-01; d3 and arquero mnist-1, mnist-2
    seed 1, seed 2: vega-loader 2001-01-01, 2001-02-01
    mnist-12, mnist-13: text
    mnist_1, mnist_2: text
"""

import json
import os

from _outside import node, npm
from _run import find

PROGRAM = """
import {read} from "vega-loader";
import {csvParse, autoType} from "d3-dsv";
import * as arquero from "arquero";
const found = {};
for (const names of [["mnist-1", "mnist-2"], ["seed 1", "seed 2"], ["mnist-12", "mnist-13"], ["mnist_1", "mnist_2"]]) {
  const text = "run,tag,step,value\\n" + names.map((name, n) => `${name},loss,${n},0.5\\n`).join("");
  const vega = read(text, {type: "csv", parse: "auto"}).map(row => row.run);
  found[names.join(", ")] = {
    vega: vega.map(run => typeof run === "string" ? run : new Date(run).toISOString().slice(0, 10)),
    d3: csvParse(text, autoType).map(row => row.run),
    arquero: arquero.fromCSV(text).array("run"),
  };
}
const diverged = read("step,loss\\n0,2.5\\n1,NaN\\n", {type: "csv", parse: "auto"}).map(row => row.loss);
console.log(JSON.stringify({found, diverged}));
"""


def finding() -> None:
    os.environ["TZ"] = "UTC"
    npm("vega-loader@5.1.3", "d3-dsv@3.0.2", "arquero@5.4.1")
    seen = json.loads(node(PROGRAM))
    for names, by in seen["found"].items():
        print(f"{names}: " + "; ".join(f"{reader} {', '.join(runs)}" for reader, runs in by.items()))
        runs = names.split(", ")
        dated = names in {"mnist-1, mnist-2", "seed 1, seed 2"}
        assert by["vega"] == (["2001-01-01", "2001-02-01"] if dated else runs)
        assert by["d3"] == by["arquero"] == runs
    assert seen["diverged"] == ["2.5", "NaN"]


if __name__ == "__main__":
    find([], finding)
