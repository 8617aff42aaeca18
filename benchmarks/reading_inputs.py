"""The event files that ``reading.py`` reads: written once, record by record, with our own encoder."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from tbbridge.decode import masked_crc32c
from tbbridge.write.events import event, field, scalar_tensor, simple_value, summary, tensor_value

TAGS = ("Loss/train", "Loss/val", "Accuracy/train", "Accuracy/val")
VERSION = event(0, 1.7e9, field(3, "brain.Event:2"))


def framed(payload: bytes) -> bytes:
    """`payload` as a TFRecord, its checksums by the compiled decoder's instruction."""
    length = struct.pack("<Q", len(payload))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)), payload, struct.pack("<I", masked_crc32c(payload)))
    )


def torch_scalars(count: int) -> Iterator[bytes]:
    """Events as torch's ``add_scalar`` writes them: one ``simple_value`` each, four tags in turn."""
    yield VERSION
    for i in range(count):
        yield event(i // 4 + 1, 1.7e9 + i / 100, summary(simple_value(TAGS[i % 4], 1 / (1 + i))))


def tf2_scalars(count: int) -> Iterator[bytes]:
    """Events as ``tf.summary.scalar`` writes them: a tensor with metadata each."""
    yield VERSION
    for i in range(count):
        value = tensor_value("epoch_accuracy" if i % 2 else "epoch_loss", scalar_tensor(1 / (1 + i)))
        yield event(i // 2 + 1, 1.7e9 + i / 100, summary(value))


def among_images(scalars: int, image: int) -> Iterator[bytes]:
    """A scalar and an image of `image` bytes, in turn."""
    yield VERSION
    pixels = summary(
        field(1, "samples") + field(4, b"\x08\x40\x10\x40\x18\x03" + field(4, bytes(range(256)) * (image // 256)))
    )
    for i in range(scalars):
        yield event(i + 1, 1.7e9 + i, summary(simple_value("Loss/train", 1 / (1 + i))))
        yield event(i + 1, 1.7e9 + i, pixels)


def sweep_scalars(seed: int, points: int) -> Iterator[bytes]:
    """Events of one training of a sweep: two tags in turn."""
    yield VERSION
    for i in range(points):
        yield event(i // 2, 1.7e9 + i, summary(simple_value(("train/loss", "val/accuracy")[i % 2], 1 / (2 + i + seed))))


def many_tags(folder: Path, tags: int) -> Path:
    """Write a log directory of one run with ten points of each of many tags; return it."""
    logdir = folder / f"tags-{tags}"
    events = (
        event(step, 1.7e9 + step, summary(simple_value(f"layer{tag}/norm", 1 / (1 + tag + step))))
        for step in range(10)
        for tag in range(tags)
    )
    write(logdir / "events.out.tfevents.1", (VERSION, *events))
    return logdir


def sweep(folder: Path, runs: int, points: int = 20) -> Path:
    """Write a log directory of many trainings, one file each; return it."""
    logdir = folder / f"sweep-{runs}-{points}"
    for seed in range(runs):
        write(logdir / f"lr{seed % 10}" / f"seed{seed:05d}" / "events.out.tfevents.1", sweep_scalars(seed, points))
    return logdir


def write(path: Path, events: Iterable[bytes]) -> None:
    """Write the file unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb", buffering=1 << 20) as file:
        for payload in events:
            file.write(framed(payload))
    unfinished.rename(path)


def make(folder: Path, quick: bool) -> dict[str, Path]:
    """All inputs below `folder`, each in a log directory of its own; smaller ones when `quick`."""
    n = 10 if quick else 1
    kinds = {
        "torch": torch_scalars(1_000_000 // n),
        "tf2": tf2_scalars(400_000 // n),
        "images": among_images(10_000 // n, 100_096),
    }
    for i in range(8):
        write(folder / f"parallel-{n}" / f"run{i}" / "events.out.tfevents.1", torch_scalars(250_000 // n))
    for name, events in kinds.items():
        write(folder / f"{name}-{n}" / "events.out.tfevents.1", events)
    return {name: folder / f"{name}-{n}" for name in (*kinds, "parallel")}
