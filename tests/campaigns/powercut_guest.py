"""The only process of a virtual machine whose power is cut: publishes for ever. See powercut.py, which starts it.

After each close of the publisher it writes which version that was into a sector behind the file system: whatever the
log of writes shows after that mark, this version must be there.
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
import time

NAMES = ("exp", "a/b/run")
SIZES = (10, 500, 5000, 20_000)
END = 48 << 20
"""Bytes of the file system; the mark comes behind."""


def version(number: int, rows: int) -> bytes:
    """Bytes that tell by themselves whether they are whole."""
    return b"".join(b"%d,%d\n" % (row, number) for row in range(rows)) + b"end %d %d\n" % (number, rows)


def whole(data: bytes) -> int | None:
    """The number of a version; None when the bytes are no whole one."""
    end = data[-60:].splitlines()[-1:]
    words = end[0].split() if end else []
    if len(words) != 3 or words[0] != b"end" or data != version(int(words[1]), int(words[2])):
        return None
    return int(words[1])


def prepare() -> None:
    """Load the disk's driver and mount it: there is no shell here that could."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.makedirs("/mnt", exist_ok=True)
    os.makedirs("/dev", exist_ok=True)
    libc.mount(b"dev", b"/dev", b"devtmpfs", 0, None)
    for module in sorted(os.listdir("/modules")):
        descriptor = os.open(f"/modules/{module}", os.O_RDONLY)
        if libc.syscall(313, descriptor, b"", 0):  # finit_module on x86-64
            print(module, os.strerror(ctypes.get_errno()), flush=True)
        os.close(descriptor)
    options = os.environ.get("MOUNT", "")
    if libc.mount(b"/dev/vda", b"/mnt", b"ext4", 0, options.encode()):
        sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    """Publish three to two hundred files, one by one and together, close, mark; again."""
    prepare()
    sys.path.insert(0, "/app")
    from tbbridge.write.publish import Publisher

    if os.environ.get("WITHOUT_FSYNC"):  # to see that the campaign would find it
        real = os.fsync
        os.fsync = lambda descriptor: real(descriptor) if descriptor == mark else None  # type: ignore[assignment]
    chance = random.Random(int(os.environ.get("SEED", "1")))
    mark = os.open("/dev/vda", os.O_WRONLY)
    number = 0
    while True:
        with Publisher("/mnt/out") as publisher:
            for _ in range(chance.choice((1, 3, 10))):
                number += 1
                names = (*NAMES, f"many/{number % 7}")
                if number % 2:
                    for name in names:
                        publisher.publish(name, version(number, chance.choice(SIZES)))
                else:
                    small = {f"together/{one}": version(number, SIZES[0]) for one in range(20)}
                    publisher.publish_all({name: version(number, SIZES[0]) for name in names} | small)
                time.sleep(chance.choice((0, 0.01, 0.1)))
        os.pwrite(mark, (b"closed %d\n" % number).ljust(512, b"\0"), END)
        os.fsync(mark)
        print("closed", number, flush=True)


if __name__ == "__main__":
    main()
