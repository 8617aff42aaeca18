"""Reads one event file as the library does and prints what it cost, as JSON; `test_limits` runs it as a process."""

from __future__ import annotations

import json
import sys
import time

from tbbridge.decode import Decoder
from tbbridge.tail.feed import feed
from tbbridge.tail.local import LocalFile


def peak_mb() -> float:
    """Peak resident memory of this process; getrusage would count that of the parent before the exec, too."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def main(path: str) -> None:
    before = peak_mb()
    started, cpu = time.perf_counter(), time.process_time()
    decoder = Decoder(path)
    with LocalFile(path) as file:
        feed(decoder, file, file.stat().size)
    log = decoder.log
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - started,
                "cpu": time.process_time() - cpu,
                "before_mb": before,
                "peak_mb": peak_mb(),
                "scalars": len(log.scalars.step),
                "records": log.records,
                "damage": [[one.start, one.end, one.reason] for one in log.damage[:100]],
                "tail": log.incomplete_tail,
                "passed_over": dict(log.passed_over),
                "tags": len(log.tags),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
