"""Writes event files: the encoder of TFRecords and Events that `tbbridge import`, the demo and the tests use.

Nothing here imports TensorFlow, TensorBoard or protobuf; the messages are TensorFlow's ``event.proto``,
``summary.proto`` and ``tensor.proto``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from tbbridge.core.crc32c import frame
from tbbridge.core.varint import varint

DTYPES = {
    "float32": (1, "<f4"),
    "float64": (2, "<f8"),
    "int32": (3, "<i4"),
    "uint8": (4, "u1"),
    "int16": (5, "<i2"),
    "int8": (6, "i1"),
    "int64": (9, "<i8"),
    "bool": (10, "?"),
    "bfloat16": (14, "<f4"),
    "uint16": (17, "<u2"),
    "float16": (19, "<f2"),
    "uint32": (22, "<u4"),
    "uint64": (23, "<u8"),
}
"""numpy's name -> (number in ``types.proto``, layout of ``tensor_content``)."""


def field(number: int, content: bytes | str) -> bytes:
    """A length-delimited protobuf field."""
    content = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(step: int, wall_time: float, what: bytes = b"") -> bytes:
    """An ``Event`` whose ``what`` is the encoded field `what` (see `summary`)."""
    return b"\x09" + struct.pack("<d", wall_time) + (b"\x10" + varint(step) if step else b"") + what


def summary(*values: bytes) -> bytes:
    """The ``summary`` field of an `event`, of encoded ``Value`` messages."""
    return field(5, b"".join(field(1, value) for value in values))


def simple_value(tag: str | bytes, value: float) -> bytes:
    """A ``Value`` with a ``simple_value``, as torch's ``add_scalar`` writes it."""
    return field(1, tag) + b"\x15" + _float32(value)


def _float32(value: float) -> bytes:
    with np.errstate(over="ignore"):  # as protobuf does, too large becomes infinite
        return np.asarray(value, "<f4").tobytes()


def scalar_tensor(value: float, dtype: str = "float32", shape: Sequence[int] = ()) -> bytes:
    """A one-element ``TensorProto`` with ``tensor_content``, as TF2's ``tf.summary.scalar`` writes it."""
    number, layout = DTYPES[dtype]
    content = np.asarray(value, layout).tobytes()
    dims = b"".join(field(2, b"\x08" + varint(size)) for size in shape)
    return b"\x08" + varint(number) + field(2, dims) + field(4, content[2:] if dtype == "bfloat16" else content)


def tensor_value(tag: str | bytes, tensor: bytes, plugin: str | None = "scalars") -> bytes:
    """A ``Value`` with an encoded ``TensorProto`` and, unless `plugin` is None, the metadata that names the plugin."""
    metadata = b"" if plugin is None else field(9, field(1, field(1, plugin)))
    return field(1, tag) + field(8, tensor) + metadata


class EventWriter:
    """Writes one event file, record by record; a context manager.

    path          created, or replaced if it is there; or a binary file that is open for writing
    file_version  begin with the ``brain.Event:2`` record, as every writer does
    wall_time     of that record, in seconds since the epoch
    """

    def __init__(self, path: str | Path | BinaryIO, *, file_version: bool = True, wall_time: float = 0.0) -> None:
        self._file = open(path, "wb") if isinstance(path, str | Path) else path  # noqa: SIM115 - closed by close()
        if file_version:
            self.event(event(0, wall_time, field(3, "brain.Event:2")))

    def event(self, payload: bytes) -> None:
        """Append a record with the encoded Event `payload`."""
        self._file.write(frame(payload))

    def scalar(self, tag: str, step: int, wall_time: float, value: float) -> None:
        """Append a float32 ``simple_value``."""
        self.event(event(step, wall_time, summary(simple_value(tag, value))))

    def tensor(
        self,
        tag: str,
        step: int,
        wall_time: float,
        value: float,
        dtype: str = "float32",
        *,
        shape: Sequence[int] = (),
        plugin: str | None = "scalars",
    ) -> None:
        """Append a one-element tensor of `dtype` (a key of `DTYPES`), as TF2 writes scalars."""
        self.event(event(step, wall_time, summary(tensor_value(tag, scalar_tensor(value, dtype, shape), plugin))))

    def start(self, step: int, wall_time: float) -> None:
        """Append a ``SessionLog.START``: an announced restart from `step`, as torch's ``purge_step`` writes it."""
        self.event(event(step, wall_time, field(7, b"\x08\x01")))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
