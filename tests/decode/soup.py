"""Random Events: well formed, oddly formed and broken ones, from one random source."""

from __future__ import annotations

import struct
from random import Random

from tbbridge.core.varint import varint

TAGS = [b"", b"a", b"loss", b"loss/train", b"\xff\xfe", "Ω".encode(), b"a" * 40, b"_hparams_/x"]
_PLUGINS = [b"", b"scalars", b"images", b"scalar", b"scalarss", b"hparams"]
_DTYPES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 17, 18, 19, 20, 22, 23, 24, 101, -1]
_NUMBERS = [
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**53,
    2**53 + 1,
    2**63,
    -1,
    -128,
    -129,
]


def long_varint(rng: Random, number: int) -> bytes:
    """A varint, now and then longer than it need be, or too long."""
    text = varint(number)
    while rng.random() < 0.05:
        text = text[:-1] + bytes([text[-1] | 128]) + rng.choice([b"\x00", b"\x00", b"\x7f"])
    return text


def raw(rng: Random, number: int, wire: int, content: bytes = b"") -> bytes:
    """A field of any wire type."""
    key = long_varint(rng, number << 3 | wire)
    if wire == 2:
        return key + long_varint(rng, len(content)) + content
    if wire == 3:
        return key + content + varint(number << 3 | (4 if rng.random() < 0.95 else 3))
    return key + content


def any_field(rng: Random, depth: int = 0) -> bytes:
    """A field that need not mean anything."""
    wire = rng.choice([0, 1, 2, 3, 5])
    content = {
        0: lambda: long_varint(rng, rng.choice(_NUMBERS)),
        1: lambda: rng.randbytes(8),
        2: lambda: rng.randbytes(rng.choice([0, 1, 4, 8, 12])),
        3: lambda: b"".join(any_field(rng, depth + 1) for _ in range(rng.choice([0, 1, 2]))) if depth < 3 else b"",
        5: lambda: rng.randbytes(4),
    }[wire]()
    return raw(rng, rng.choice([*range(1, 20), 100, 2**29 - 1]), wire, content)


def message(rng: Random, fields: list[bytes]) -> bytes:
    """The fields, some twice, some left out, sometimes in another order, with an odd one among them."""
    chosen = [field for field in fields if rng.random() < 0.93]
    if fields and rng.random() < 0.15:
        chosen.append(rng.choice(fields))
    if rng.random() < 0.15:
        chosen.append(any_field(rng))
    if rng.random() < 0.3:
        rng.shuffle(chosen)
    return b"".join(chosen)


def typed_values(rng: Random) -> bytes:
    """A list of typed values of a TensorProto, packed or not."""
    number = rng.choice([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18])
    count = rng.choice([0, 1, 1, 1, 2])
    if number in (8, 14, 15, 18):
        return b"".join(raw(rng, number, 2, rng.randbytes(3)) for _ in range(count))
    size = {5: 4, 9: 4, 6: 8, 12: 8}.get(number)
    values = [rng.randbytes(size) if size else long_varint(rng, rng.choice(_NUMBERS)) for _ in range(count)]
    if rng.random() < 0.7:
        return raw(rng, number, 2, b"".join(values) + (b"\x01" if rng.random() < 0.02 else b""))
    return b"".join(raw(rng, number, {4: 5, 8: 1, None: 0}[size], value) for value in values)


def tensor(rng: Random) -> bytes:
    """A TensorProto of about one number."""
    dims = [
        raw(rng, 2, 2, raw(rng, 1, 0, varint(rng.choice([1, 1, 1, 1, 0, 2, -1]))))
        for _ in range(rng.choice([0, 0, 1, 2]))
    ]
    fields = [raw(rng, 1, 0, varint(rng.choice(_DTYPES))), raw(rng, 2, 2, message(rng, dims))]
    if rng.random() < 0.6:
        fields.append(raw(rng, 4, 2, rng.randbytes(rng.choice([0, 1, 2, 4, 8, 8, 4, 3]))))
    else:
        fields.append(typed_values(rng))
    if rng.random() < 0.1:
        fields.append(raw(rng, 3, 0, b"\x01"))
    return message(rng, fields)


def value(rng: Random) -> bytes:
    """A Summary.Value."""
    fields = [raw(rng, 1, 2, rng.choice(TAGS))]
    kind = rng.random()
    if kind < 0.35:
        fields.append(
            raw(rng, 2, 5, struct.pack("<f", rng.choice([0.0, -0.0, 1.5, float("nan"), float("inf"), 1e-42])))
        )
    elif kind < 0.85:
        fields.append(raw(rng, 8, 2, tensor(rng)))
    elif kind < 0.93:
        fields.append(raw(rng, rng.choice([3, 4, 5, 6]), 2, rng.randbytes(5)))
    if rng.random() < 0.4:
        plugin = message(rng, [raw(rng, 1, 2, rng.choice(_PLUGINS)), raw(rng, 2, 2, rng.choice([b"x", b"", b"yy"]))])
        fields.append(raw(rng, 9, 2, message(rng, [raw(rng, 1, 2, plugin), raw(rng, 2, 2, b"name")])))
    return message(rng, fields)


def event(rng: Random) -> bytes:
    """An Event, in one case of eight with a few bytes changed."""
    fields = [
        raw(rng, 1, 1, struct.pack("<d", rng.choice([0.0, 1.7e9, float("nan"), -1.0]))),
        raw(rng, 2, 0, long_varint(rng, rng.choice([*_NUMBERS, -(2**63)]))),
    ]
    kind = rng.random()
    if kind < 0.85:
        fields.append(
            raw(rng, 5, 2, message(rng, [raw(rng, 1, 2, value(rng)) for _ in range(rng.choice([0, 1, 1, 2, 3]))]))
        )
    if kind > 0.8:
        fields.append(raw(rng, rng.choice([3, 4, 6, 8, 9, 10]), 2, rng.randbytes(4)))
    if kind > 0.9:
        fields.append(raw(rng, 7, 2, message(rng, [raw(rng, 1, 0, varint(rng.choice([0, 1, 1, 2, 2**32 + 1])))])))
    payload = message(rng, fields)
    return broken(rng, payload) if rng.random() < 0.125 else payload


def broken(rng: Random, payload: bytes) -> bytes:
    """`payload` with up to three bytes changed, added or taken."""
    data = bytearray(payload)
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(data) + 1)
        what = rng.random()
        if what < 0.6 and at < len(data):
            data[at] = rng.choice([data[at] ^ 1 << rng.randrange(8), rng.randrange(256)])
        elif what < 0.8:
            data.insert(at, rng.randrange(256))
        else:
            del data[at : at + 1]
    return bytes(data)
