"""Decodes the records of the hparams plugin: hyperparameters, their domains, and how a session ended.

Source: TensorBoard's ``plugins/hparams/plugin_data.proto`` and ``api.proto``, protobuf's ``struct.proto``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tbbridge.core.model import Domain, HParam, SessionEnd
from tbbridge.decode.wire import BYTES, FIXED64, VARINT, Unparsable, fields

_ENDS = {1: "finished", 2: "failed"}
"""``api.proto``'s Status, as far as it says that a session ended."""

LONGEST_TEXT = 1 << 16
"""Bytes of a name or text at most; a longer one is passed over: each would stand whole in every summary."""

UNREADABLE = "record or value of the hparams plugin that cannot be read"
"""Why such a record is passed over."""

_TYPES: dict[int, type] = {1: str, 2: bool, 3: float}
"""``api.proto``'s DataType."""


@dataclass(slots=True)
class HParamsSession:
    """The records of the hparams plugin in one event file; of each kind the last one counts."""

    given: dict[str, HParam] = field(default_factory=dict)
    """As they were written."""
    domains: dict[str, Domain] = field(default_factory=dict)
    end: SessionEnd | None = None
    unreadable: int = 0
    """Records, and hyperparameters of a record, that hold nothing that can be read."""

    def add(self, wall_time: float, content: bytes) -> None:
        """Take in one record; one that is malformed costs only itself."""
        try:
            parts = {n: content[at:end] for n, wire, at, end in fields(content, 0, len(content)) if wire == BYTES}
            if not parts.keys() & {2, 3, 4}:
                self.unreadable += 1
            if 2 in parts:
                self.domains = _domains(parts[2])
            if 3 in parts:
                self.given = self._hparams(parts[3])
            if 4 in parts:
                self.end = _end(parts[4], wall_time)
        except Unparsable:
            self.unreadable += 1

    def _hparams(self, start: bytes) -> dict[str, HParam]:
        values: dict[bytes, HParam] = {}
        for number, wire, at, end in fields(start, 0, len(start)):
            if number == 1 and wire == BYTES:
                entry = {n: start[a:b] for n, kind, a, b in fields(start, at, end) if kind == BYTES}
                value = _value_of(entry.get(2, b""))
                if value is None or len(entry.get(1, b"")) > LONGEST_TEXT:
                    self.unreadable += 1
                else:
                    values[entry.get(1, b"")] = value
        found: dict[str, HParam] = {}
        for name, value in values.items():  # of names that are not UTF-8, two may have one text
            text = _text(name)
            while text in found:
                text += "'"
            found[text] = value
        return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _value_of(data: bytes) -> HParam | None:
    """A google.protobuf.Value; None where it is neither a number, a text that is short enough, nor a truth."""
    value: HParam | None = None
    for number, wire, at, end in fields(data, 0, len(data)):
        if number == 2 and wire == FIXED64:
            value = float(struct.unpack_from("<d", data, at)[0])
        elif number == 3 and wire == BYTES:
            value = _text(data[at:end]) if end - at <= LONGEST_TEXT else None
        elif number == 4 and wire == VARINT:
            value = at != 0
        elif number in (1, 5, 6):
            value = None
    return value


def _domains(experiment: bytes) -> dict[str, Domain]:
    found = {}
    for number, wire, at, end in fields(experiment, 0, len(experiment)):
        if number != 4 or wire != BYTES:
            continue
        name, domain = b"", Domain()
        for inner, kind, start, stop in fields(experiment, at, end):
            if inner == 1 and kind == BYTES:
                name = experiment[start:stop]
            elif inner == 4 and kind == VARINT:
                domain.kind = _TYPES.get(start)
            elif inner == 5 and kind == BYTES:
                listed = [experiment[a:b] for n, w, a, b in fields(experiment, start, stop) if n == 1 and w == BYTES]
                domain.values = [value for value in map(_value_of, listed) if value is not None]
            elif inner == 6 and kind == BYTES:
                ends = {
                    n: struct.unpack_from("<d", experiment, a)[0]
                    for n, w, a, _ in fields(experiment, start, stop)
                    if w == FIXED64
                }
                domain.low, domain.high = ends.get(1, 0.0), ends.get(2, 0.0)
        found[_text(name)] = domain
    return found


def _end(data: bytes, wall_time: float) -> SessionEnd | None:
    status = 0
    for number, wire, at, _ in fields(data, 0, len(data)):
        if number == 1 and wire == VARINT:
            status = at
    return SessionEnd(_ENDS[status], wall_time) if status in _ENDS else None
