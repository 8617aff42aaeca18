"""A million reads of a run log that is replaced as fast as can be: each is one of the published versions, whole.

python tests/campaigns/torn.py --reads 1000000
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from tbbridge.write.publish import Publisher

VERSIONS = 200


def version(number: int) -> bytes:
    """The bytes of one version: its length tells its number, and so does each row."""
    return b"".join(b"%d,%d\n" % (row, number) for row in range(300 + number * 7))


def publish(out: str, stop: Event, published: multiprocessing.sharedctypes.Synchronized[int]) -> None:
    """Replace the file until told to stop."""
    versions = [version(number) for number in range(VERSIONS)]
    with Publisher(out) as publisher:
        count = 0
        while not stop.is_set():
            publisher.publish("exp", versions[count % VERSIONS])
            count += 1
            published.value = count


def main() -> None:
    """Read, hash, look up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reads", type=int, default=1_000_000)
    args = parser.parse_args()
    whole = {hashlib.sha256(version(number)).digest() for number in range(VERSIONS)}
    with tempfile.TemporaryDirectory() as folder:
        stop, count = multiprocessing.Event(), multiprocessing.Value("q", 0)
        process = multiprocessing.Process(target=publish, args=(folder, stop, count))
        process.start()
        path = Path(folder, "exp.csv")
        while not path.exists():
            time.sleep(0.01)
        began, changes, last = time.monotonic(), 0, b""
        for number in range(args.reads):
            digest = hashlib.sha256(path.read_bytes()).digest()
            assert digest in whole, f"read {number} was torn"
            changes += digest != last
            last = digest
        stop.set()
        process.join()
        seconds = time.monotonic() - began
    print(f"{args.reads} reads in {seconds:.0f} s, {count.value} replaces beside them, {changes} seen; none was torn")


if __name__ == "__main__":
    main()
