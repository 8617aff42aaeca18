"""R's readr reads nearly half of a CSV's doubles wrong in their last digits; read.csv does not.

Seen with Debian's r-base-core 4.2.2, r-cran-readr 2.1.4, r-cran-vroom 1.6.1, r-cran-data.table 1.14.8.

30,000 doubles in their shortest texts: losses, reciprocals, wall times. read_csv returns another number for more than
13,000 of them, off by up to 1e-13 of the value, which is hundreds of times a double's last bit. read.csv returns all
of them as they were, fread all but one, which is off by its last bit.

    wrong: readr 13841, read.csv 0, fread 1; readr's largest relative error 9.7e-14
"""

import random
import subprocess
from pathlib import Path

from _outside import needs
from _run import find

PROGRAM = """
show <- function(values) cat(sprintf("%.17g", values), sep = "\\n")
show(suppressMessages(readr::read_csv("values.csv", show_col_types = FALSE, progress = FALSE))$value)
show(read.csv("values.csv")$value)
show(data.table::fread("values.csv")$value)
"""


def finding() -> None:
    needs(Rscript="r-base-core")
    library = "/usr/lib/R/site-library"
    missing = [name for name in ("readr", "data.table") if not Path(library, name).exists()]
    needs(**{f"no program {name}": f"r-cran-{name}" for name in missing})
    draw = random.Random(1)
    values = []
    for number in range(10_000):
        values += [draw.gauss(0, 1) * 10 ** draw.randint(-8, 8), 1 / (number + 1), 1767225600 + draw.random() * 1e7]
    lines = "".join(f"{step},{value!r}\n" for step, value in enumerate(values))
    Path("values.csv").write_text("step,value\n" + lines)
    said = subprocess.run(["Rscript", "-"], input=PROGRAM, check=True, capture_output=True, text=True).stdout
    read = [float(text) for text in said.split()]
    assert len(read) == 3 * len(values)
    wrong = {}
    for place, reader in enumerate(("readr", "read.csv", "fread")):
        there = zip(values, read[place * len(values) : (place + 1) * len(values)], strict=True)
        wrong[reader] = [abs(found - value) / abs(value) for value, found in there if found != value]
    print("wrong:", ", ".join(f"{reader} {len(errors)}" for reader, errors in wrong.items()), end="; ")
    print(f"readr's largest relative error {max(wrong['readr']):.1e}")
    assert len(wrong["readr"]) > len(values) / 4
    assert 1e-15 < max(wrong["readr"]) < 1e-12
    for exact in ("read.csv", "fread"):  # but for the last bit of a few
        assert len(wrong[exact]) <= 10
        assert max(wrong[exact], default=0) < 3e-16


if __name__ == "__main__":
    find([], finding)
