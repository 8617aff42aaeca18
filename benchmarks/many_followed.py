"""What following many small runs costs at the start: `python benchmarks/many_followed.py LOGDIR [DIRECTORY]`.

Processor seconds of the whole process, so that other work on the machine counts for little. Another build's Python runs
the same file. The run logs are written below the directory, and removed. The answers are proven first: as many run
logs are published as there are experiments.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from tbbridge.following.follower import Follower
from tbbridge.write.publish import Publisher


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main(logdir: str, beside: str = ".") -> None:
    with tempfile.TemporaryDirectory(dir=beside) as out, Publisher(out) as publisher:
        follower = Follower(logdir, publisher)
        moments = [time.process_time()]
        follower.poll()
        moments.append(time.process_time())
        taken_in = peak_mb()
        follower.publish()
        moments.append(time.process_time())
        follower.poll()
        moments.append(time.process_time())
        names = list(follower.tables.by_name)
        assert len([path for path in Path(out).rglob("*.csv") if path.name != "summary.csv"]) == len(names)
    read, published, again = (after - before for before, after in pairwise(moments))
    print(f"{len(names)} experiments: read and mapped {read:.2f} CPU s, {taken_in} MB")
    print(f"published {published:.2f} CPU s, {peak_mb()} MB; a poll that finds nothing {again:.2f} CPU s")


if __name__ == "__main__":
    main(*sys.argv[1:])
