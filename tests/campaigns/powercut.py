"""The power of a virtual machine is cut while it publishes: after each cut every run log is whole, and none is lost.

    python tests/campaigns/powercut.py --seconds 90 --cuts 1000

Needs Linux on x86-64, root (for loop mounts), e2fsprogs, QEMU, and Debian's kernel, which is downloaded and unpacked,
not installed. QEMU logs every write and flush of the machine's disk. A cut is a place in that log: what was flushed
before it is on the disk, of what was written since then any part may be. Each such disk is mounted and read.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import re
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from powercut_guest import END, NAMES, whole

PROJECT = Path(__file__).resolve().parents[2]
MODULES = ("virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_modern_dev", "virtio/virtio_pci_legacy_dev")
MODULES += ("virtio/virtio_pci", "block/virtio_blk")
LEFT_OUT = ("test", "site-packages", "dist-packages", "idlelib", "ensurepip", "tkinter", "unittest", "__pycache__")
PUBLISHES = ("__init__.py", "core/__init__.py", "core/errors.py", "write/__init__.py")
PUBLISHES += ("write/atomic.py", "write/names.py", "write/publish.py")
FLUSH, FUA, DISCARD = 1, 2, 4
MAGIC = 0x6A736677736872
BOOT = 600
"""Seconds in which the machine starts and publishes for the first time; on a busy machine it needs minutes."""


def kernel(folder: Path) -> Path:
    """Debian's kernel for virtual machines, unpacked."""
    listed = subprocess.run(
        ["apt-cache", "depends", "linux-image-cloud-amd64"], check=True, capture_output=True, text=True
    )
    (package,) = re.findall(r"Depends: (linux-image-\S+)", listed.stdout)
    subprocess.run(["apt-get", "-qq", "download", package], check=True, cwd=folder, stderr=subprocess.DEVNULL)
    (archive,) = folder.glob("*.deb")
    subprocess.run(["dpkg", "-x", archive, folder], check=True)
    return folder


def libraries(binary: str) -> list[str]:
    """The shared libraries of a program, as the loader finds them."""
    found = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", found)


def content(system: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the machine: this Python, what publishes, the disk's driver."""
    standard = Path(sysconfig.get_path("stdlib"))
    extension = next((standard / "lib-dynload").glob("_ctypes.*.so"))
    binary = os.path.realpath(sys.executable)
    for path in {binary, *libraries(binary), *libraries(str(extension))}:
        yield path, Path(path).read_bytes()
    for folder, folders, files in os.walk(standard):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith("config-")]
        yield from ((os.path.join(folder, name), Path(folder, name).read_bytes()) for name in files)
    for name in PUBLISHES:
        yield f"/app/tbbridge/{name}", (PROJECT / "tbbridge" / name).read_bytes()
    yield "/guest.py", Path(__file__).with_name("powercut_guest.py").read_bytes()
    (drivers,) = system.glob("lib/modules/*/kernel/drivers")
    for number, name in enumerate(MODULES):
        yield f"/modules/{number}.ko", (drivers / f"{name}.ko").read_bytes()


def archive(files: dict[str, bytes]) -> bytes:
    """A cpio archive of the kind that a kernel unpacks as its first file system."""

    def entry(number: int, name: str, mode: int, data: bytes) -> bytes:
        raw = name.lstrip("/").encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)

    directories = {str(above) for name in files for above in Path(name).parents} - {"/"}
    parts = [entry(number, name, 0o40755, b"") for number, name in enumerate(sorted(directories), 1)]
    parts += [entry(number, name, 0o100755, data) for number, (name, data) in enumerate(files.items(), 10_000)]
    return b"".join(parts) + entry(0, "TRAILER!!!", 0, b"")


def boot(folder: Path, system: Path, seconds: float, environment: str) -> None:
    """Let the machine publish for `seconds` after its first close, and cut its power."""
    disk, log = folder / "disk", folder / "log"
    disk.write_bytes(b"")
    os.truncate(disk, END + (1 << 20))
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", disk, str(END // 4096)], check=True)
    (folder / "before").write_bytes(disk.read_bytes())
    log.write_bytes(b"")
    (folder / "initrd").write_bytes(gzip.compress(archive(dict(content(system))), 1))
    (image,) = system.glob("boot/vmlinuz-*")
    python = os.path.realpath(sys.executable)
    start = f"console=ttyS0 loglevel=3 panic=-1 {environment} rdinit={python} -- -B -S -E /guest.py"
    nodes = [f"driver=file,filename={disk},node-name=a", f"driver=file,filename={log},node-name=b"]
    nodes += ["driver=raw,file=a,node-name=c", "driver=raw,file=b,node-name=d"]
    nodes += ["driver=blklogwrites,file=c,log=d,log-super-update-interval=64,node-name=e"]
    arguments = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nodefaults", "-no-reboot"]
    arguments += [
        "-display",
        "none",
        "-serial",
        "stdio",
        "-kernel",
        image,
        "-initrd",
        folder / "initrd",
        "-append",
        start,
    ]
    arguments += [word for node in nodes for word in ("-blockdev", node)]
    arguments += ["-device", "virtio-blk-pci,drive=e,write-cache=on"]
    with open(folder / "said", "wb") as said:
        machine = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        end = time.monotonic() + BOOT
        while machine.poll() is None and b"closed" not in (folder / "said").read_bytes() and time.monotonic() < end:
            time.sleep(0.5)
        time.sleep(seconds)
        machine.kill()
        machine.wait()
    said_last = (folder / "said").read_text(errors="replace")[-2000:]
    assert "closed" in said_last, f"the machine did not publish:\n{said_last}"


class Write(NamedTuple):
    """An entry of the log of writes: its place on the disk, its kind, its bytes."""

    offset: int
    flags: int
    data: bytes


def entries(log: bytes) -> list[Write]:
    """The log in the format of the kernel's dm-log-writes."""
    magic, _, _, sector = struct.unpack_from("<QQQI", log)
    assert magic == MAGIC
    found, at = [], sector
    while at + sector <= len(log):
        where, count, flags, _ = struct.unpack_from("<QQQQ", log, at)
        if not (where or count or flags):
            break
        size = 0 if flags & DISCARD else count * sector
        found.append(Write(where * sector, flags, log[at + sector : at + sector + size]))
        at += sector + size
    return found


def closed(writes: list[Write]) -> int:
    """The last version that was there for good, by the machine's own mark; 0 before the first."""
    marks = [one.data for one in writes if one.offset == END and one.data.startswith(b"closed ")]
    return int(marks[-1].split()[1].rstrip(b"\0")) if marks else 0


def judge(place: Path, last: int) -> Counter[str]:
    """What is to be said of the run logs on a mounted disk."""
    found: Counter[str] = Counter(disks=1)
    for path in (place / "out").rglob("*"):
        if path.is_file() and path.suffix == ".csv":
            found["whole" if whole(path.read_bytes()) is not None else "TORN"] += 1
        elif path.is_file():
            found["temporary"] += 1
    for name in NAMES if last else ():
        path = place / "out" / f"{name}.csv"
        number = whole(path.read_bytes()) if path.exists() else None
        found["the closed version or a later one" if (number or 0) >= last else "LOST"] += 1
    return found


def cut(folder: Path, cuts: int, chance: random.Random) -> Counter[str]:
    """Mount the disk of each of `cuts` moments, with nothing, with all, and with some of what was not flushed."""
    writes = entries((folder / "log").read_bytes())
    disk, flushed, found = bytearray((folder / "before").read_bytes()), 0, Counter[str]()
    place = folder / "mounted"
    place.mkdir()
    for moment in sorted(chance.choices(range(len(writes)), k=cuts)):
        safe = max((n for n in range(flushed, moment + 1) if writes[n].flags & FLUSH), default=flushed)
        for one in writes[flushed:safe]:
            disk[one.offset : one.offset + len(one.data)] = one.data
        flushed = safe
        pending = [one for one in writes[safe : moment + 1] if one.data]
        for share in (0.0, chance.random(), 1.0):
            kept = [one for one in pending if one.flags & FUA or chance.random() < share]
            state = bytearray(disk)
            for one in kept:
                state[one.offset : one.offset + len(one.data)] = one.data
            (folder / "state").write_bytes(state)
            subprocess.run(["mount", "-o", "loop", folder / "state", place], check=True)
            try:
                found += judge(place, closed(writes[: moment + 1]))
            finally:
                subprocess.run(["umount", place], check=True)
    found["writes"], found["flushes"] = len(writes), sum(bool(one.flags & FLUSH) for one in writes)
    return found


def main() -> None:
    """Publish, cut, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--mount", default="noauto_da_alloc,commit=1", help="ext4's options; these help a careless program least"
    )
    parser.add_argument("--without-fsync", action="store_true", help="see that what was not synchronized is lost")
    args = parser.parse_args()
    environment = f"MOUNT={args.mount} SEED={args.seed}" + " WITHOUT_FSYNC=1" * args.without_fsync
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        (folder / "system").mkdir()
        boot(folder, kernel(folder / "system"), args.seconds, environment)
        found = cut(folder, args.cuts, random.Random(args.seed))
    print(f"{args.mount}: " + ", ".join(f"{count} {what}" for what, count in sorted(found.items())))
    assert args.without_fsync == bool(found["TORN"] or found["LOST"])


if __name__ == "__main__":
    main()
