"""Images, histograms, graphs and embeddings are jumped over; a record that may hold a scalar is read whole."""

from __future__ import annotations

import struct
import tracemalloc
from itertools import accumulate
from pathlib import Path
from random import Random
from unittest import mock

import numpy as np
import pytest
from decode import soup
from decode.protobuf_model import expected
from decode.story import VERSION, Disk, decode, decoder_of, everything, image, ranges, scalar
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.crc32c import frame
from tbbridge.core.varint import varint
from tbbridge.decode import Decoder, _native, _plain, condense
from tbbridge.decode.scan_result import MAX_VALUES, SMALL
from tbbridge.tail.feed import feed
from tbbridge.tail.local import LocalFile
from tbbridge.write.events import event, field, simple_value, summary, tensor_value

BIG = 200_000
FLOATS = field(2, field(2, b"\x08" + b"\xd0\x86\x03")) + field(4, bytes(BIG))


def record(*values: bytes, step: int = 1) -> bytes:
    """A record with these values."""
    return frame(event(step, 1.0, summary(*values)))


HEAVY = {
    "image": image(BIG),
    "histogram": record(field(1, "h") + field(5, field(6, bytes(BIG)))),
    "audio": record(field(1, "a") + field(6, field(4, bytes(BIG)))),
    "old histogram": record(field(1, "h") + field(3, bytes(BIG))),
    "graph": frame(event(0, 1.0, field(4, bytes(BIG)))),
    "meta graph": frame(event(0, 1.0, field(9, bytes(BIG)))),
    "run metadata": frame(event(0, 1.0, field(8, field(1, "step") + field(2, bytes(BIG))))),
    "embedding": record(tensor_value("e", b"\x08\x01" + FLOATS, "projector")),
    "typed embedding": record(tensor_value("e", b"\x08\x01" + field(5, bytes(BIG)), "projector")),
    "text": record(tensor_value("t", b"\x08\x07" + field(8, bytes(BIG)), "text")),
    "several images": record(*(field(1, f"i{i}") + field(4, field(4, bytes(BIG))) for i in range(5))),
}
MAY_HOLD_A_SCALAR = {
    "image and scalar": record(field(1, "i") + field(4, field(4, bytes(BIG))), simple_value("s", 1.0)),
    "scalar after image in one value": record(field(1, "i") + field(4, bytes(BIG)) + b"\x15" + struct.pack("<f", 1.0)),
    "tensor split in two": record(
        field(1, "t") + field(8, b"\x08\x01" + field(4, bytes(BIG))) + field(8, field(4, struct.pack("<f", 1.0)))
    ),
    "long tag": record(simple_value("s" * BIG, 1.0)),
    "many scalars": record(*(simple_value(f"s{i}", 1.0) for i in range(5000))),
    "unknown field": frame(event(1, 1.0, summary(simple_value("s", 1.0)) + field(77, bytes(BIG)))),
    "two summaries": frame(event(1, 1.0, summary(simple_value("s", 1.0)) + field(5, bytes(0)) * 20_000)),
}


@pytest.mark.parametrize("kind", HEAVY)
def test_what_cannot_hold_a_scalar_is_jumped_over(kind: str) -> None:
    """A large record of this kind costs a few reads of a few kilobytes, and the scalars around it are there."""
    data = b"".join([VERSION, scalar(1), HEAVY[kind] * 20, scalar(2)])
    decoder, disk = Decoder("x"), Disk(data)
    decoder.want = 4096  # not the whole file at once
    feed(decoder, disk, len(data))
    assert decoder.log.scalars.step.tolist() == [1, 2]
    assert (decoder.log.records, decoder.log.damage) == (23, [])
    assert disk.bytes_read < len(data) / 5
    assert disk.reads < 20 * 12


@pytest.mark.parametrize("kind", MAY_HOLD_A_SCALAR)
def test_what_may_hold_a_scalar_is_read_whole(kind: str, any_twin: str) -> None:
    """The scalar in a large record is found, and a flipped bit anywhere in that record costs just the record."""
    data = b"".join([VERSION, scalar(1), MAY_HOLD_A_SCALAR[kind], scalar(2)])
    start = len(VERSION) + len(scalar(1))
    end = start + len(MAY_HOLD_A_SCALAR[kind])
    log = decode(data, step=50_000)
    assert len(log.scalars.step) == 2 + (5000 if kind == "many scalars" else 1)
    broken = bytearray(data)
    broken[end - 50] ^= 4
    log = decode(bytes(broken), step=50_000)
    assert (log.scalars.step.tolist(), ranges(log)) == ([1, 2], [(start, end)])


def test_damage_inside_a_jumped_record_is_found_when_it_moves_what_follows() -> None:
    """Bytes lost in an image would hide the next record: the image is verified once what follows is not right."""
    pieces = [VERSION, scalar(1), image(BIG), scalar(2), image(BIG), scalar(3)]
    start = len(VERSION) + len(scalar(1))
    data = bytearray(b"".join(pieces))
    del data[start + 1000 : start + 1005]
    log = decode(bytes(data))
    assert (log.scalars.step.tolist(), log.records) == ([1, 2, 3], 5)
    assert ranges(log) == [(start, start + len(image(BIG)) - 5)]


def test_damage_after_a_sound_image_costs_only_itself() -> None:
    """The image before it is verified and stays."""
    broken = bytearray(scalar(2))
    broken[3] ^= 1
    data = b"".join([VERSION, image(BIG), broken, scalar(3)])
    start = len(VERSION) + len(image(BIG))
    log = decode(data)
    assert (log.scalars.step.tolist(), log.records, ranges(log)) == ([3], 3, [(start, start + len(broken))])


@pytest.mark.parametrize("kind", ["image", "several images", "image and scalar", "embedding"])
def test_a_large_record_may_grow_slowly(kind: str) -> None:
    """While a large record is being written it is an unfinished tail; looked at at any size, the end is the same."""
    large = (HEAVY | MAY_HOLD_A_SCALAR)[kind]
    data = b"".join([VERSION, scalar(1), large, scalar(2)])
    start = len(VERSION) + len(scalar(1))
    whole = everything(decode(data))
    for size in (start + 5, start + 12, start + 13, start + 40, start + 70_000, start + len(large) - 1):
        log = decode(data[:size])
        assert (log.records, log.damage, log.incomplete_tail) == (2, [], size - start)
        assert everything(decode(data, [size])) == whole
        assert everything(decode(data, [size, size + 1, start + len(large), len(data) - 1])) == whole


def test_pieces_and_growth_of_a_mixed_file() -> None:
    """However a file of large and small, sound and damaged records is read, it gives the same."""
    damaged = bytearray(image(BIG))
    del damaged[5000:5010]
    kinds = [HEAVY["graph"], HEAVY["several images"], MAY_HOLD_A_SCALAR["image and scalar"], bytes(damaged), bytes(50)]
    pieces = [VERSION]
    for step, piece in enumerate(kinds * 2):
        pieces += [scalar(step), piece]
    data = b"".join([*pieces, scalar(99)])
    whole = decode(data)
    assert whole.scalars.step.tolist() == [0, 1, 2, 1, 3, 4, 5, 6, 7, 1, 8, 9, 99]
    ends = list(accumulate(map(len, pieces)))
    for step in (700, 9_999, 65_536):
        assert everything(decode(data, step=step)) == everything(whole)
    for end in ends:
        assert everything(decode(data, [end - 3, end, end + 20], step=50_000)) == everything(whole)


@pytest.mark.parametrize("kind", MAY_HOLD_A_SCALAR)
def test_a_record_beyond_the_limit_keeps_its_scalars(kind: str, any_twin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being held it is the same as held, read whole or while it grows, and a wrong checksum is found."""
    monkeypatch.setattr(condense, "_SMALL", 10_000)
    large = MAY_HOLD_A_SCALAR[kind]
    data = b"".join([VERSION, scalar(1), large, scalar(2)])
    start, end = len(VERSION) + len(scalar(1)), len(data) - len(scalar(2))
    if kind in ("long tag", "many scalars", "unknown field", "two summaries"):  # nothing to leave out
        log = decode(data, max_record=30_000)
        assert [(one.start, one.end, one.reason) for one in log.damage] == [
            (start, end, "record of more than 30000 bytes")
        ]
        return
    held, limited = decode(data), decode(data, [start + 70_000, end - 1], step=7_000, max_record=30_000)
    assert (everything(limited), limited.damage, limited.records) == (everything(held), [], 4)
    broken = bytearray(data)
    broken[start + BIG // 2] ^= 4
    log = decode(bytes(broken), max_record=30_000)
    assert (log.scalars.step.tolist(), ranges(log)) == ([1, 2], [(start, end)])
    assert log.damage[0].reason == "wrong data checksum"


def test_a_record_of_70_mb_costs_no_memory(tmp_path: Path) -> None:
    """TensorFlow 1's merge_all puts images and scalars into one event: its scalar counts, and little is held."""
    pixels, head = 70 << 20, field(1, "pixels")
    image_value = b"\x22" + varint(pixels + 5) + b"\x22" + varint(pixels)
    values = b"\x0a" + varint(len(head) + len(image_value) + pixels)
    after = field(1, simple_value("loss", 0.25))
    size = len(values) + len(head) + len(image_value) + pixels + len(after)
    payload = event(7, 3.0, b"\x2a" + varint(size)) + values + head + image_value + bytes(pixels) + after
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"".join([VERSION, frame(payload), scalar(8)]))
    del payload
    decoder = Decoder("x")
    with LocalFile(str(path)) as file:
        tracemalloc.start()
        feed(decoder, file, path.stat().st_size)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    log = decoder.log
    assert (log.scalars.step.tolist(), log.scalars.value.tolist(), log.damage) == ([7, 8], [0.25, 2.0], [])
    assert peak < 16 << 20


@given(st.integers(0, 2**63))
def test_a_condensed_event_says_what_the_whole_one_does(seed: int) -> None:
    """By protobuf's own classes, whatever is in it and however small the values are that are looked into."""
    rng = Random(seed)
    with mock.patch.object(condense, "_SMALL", rng.choice([0, 10, 50])):
        for _ in range(20):
            payload = soup.event(rng)
            said, record = expected(payload), frame(payload)
            condenser = condense.Condenser(0, len(record), rng.choice([60, 1 << 20]))
            done = condenser.step(memoryview(record), 0)
            assert done is not None
            if said is not None and done:
                assert repr(expected(condenser.event)) == repr(said)
            assert len(condenser.event) <= 1 << 20


def test_an_event_of_too_many_values_is_told() -> None:
    """More values than one event may hold cost that event, whatever they are; its size is no measure of memory."""
    bomb = frame(event(1, 1.0, summary(*[b""] * (MAX_VALUES + 1))))
    log = decode(b"".join([VERSION, bomb, scalar(2)]))
    assert [one.reason for one in log.damage] == [f"more than {MAX_VALUES} values in one event"]
    assert log.scalars.step.tolist() == [2]


def test_the_first_record_is_read_whole() -> None:
    """It gives the file its wall time, so it is verified even when it is a graph."""
    graph = bytearray(HEAVY["graph"])
    graph[-100] ^= 1
    log = decode(bytes(graph) + scalar(1))
    assert (ranges(log), log.first_wall_time) == ([(0, len(graph))], 101.0)


@pytest.mark.parametrize("size", [SMALL - 100, SMALL, SMALL + 100])
def test_around_the_size_of_a_large_record(size: int, any_twin: str) -> None:
    """Scalars are exact on both sides of the size from which records are looked into first."""
    data = b"".join([VERSION, record(simple_value("t" * size, 1.5)), image(size), scalar(2)])
    log = decode(data, step=10_000)
    assert (log.scalars.value.tolist(), log.records, log.damage) == ([1.5, 0.5], 4, [])


def test_columns_are_compact_and_stay_as_they_were() -> None:
    """float32 values take 4 bytes, and what was handed out does not change as more comes."""
    data = b"".join([VERSION, *(scalar(step) for step in range(5000))])
    decoder = decoder_of(data[: len(data) // 2])
    before = decoder.log.scalars
    copies = before.step.copy(), before.value.copy()
    feed(decoder, Disk(data), len(data))
    assert (before.step == copies[0]).all()
    assert (before.value == copies[1]).all()
    after = decoder.log.scalars
    assert [column.dtype for column in (after.tag, after.step, after.wall_time, after.value)] == [
        np.int32,
        np.int64,
        np.float64,
        np.float32,
    ]


@pytest.mark.parametrize("wire", range(8))
@pytest.mark.parametrize("inside", [0, 1, 2, 3])
def test_a_field_without_a_number_is_no_event(wire: int, inside: int, any_twin: str) -> None:
    """Field 0 of any wire type, in any message of a large record, costs that record."""
    payload = bytes([wire]) + bytes(BIG)
    for number in (8, 1, 5)[3 - inside :]:
        payload = field(number, payload)
    log = decode(b"".join([VERSION, frame(payload), scalar(2)]))
    assert [one.reason for one in log.damage] == ["no readable event"]
    assert log.scalars.step.tolist() == [2]


@given(st.integers(0, 2**63))
def test_a_jump_never_hides_a_scalar(seed: int) -> None:
    """Both twins jump over the same events, and none of these holds a scalar or a start, by protobuf's own classes."""
    rng = Random(seed)
    for _ in range(20):
        payload = soup.event(rng)
        record = frame(payload)[: rng.choice([len(payload) + 16, rng.randrange(len(payload) + 16)])]
        jumps = _native.can_jump_over(record)
        assert jumps == _plain.can_jump_over(record)
        held = expected(payload) if jumps else None
        assert held is None or (held.rows, held.starts) == ([], [])


@given(st.lists(st.sampled_from(sorted(HEAVY | MAY_HOLD_A_SCALAR)), max_size=4), st.integers(0, 2**63))
def test_both_twins_jump_alike(kinds: list[str], seed: int) -> None:
    """Over files of large records, whole or cut anywhere, both twins of the scan say the same."""
    data = b"".join([VERSION, *(scalar(1) + (HEAVY | MAY_HOLD_A_SCALAR)[kind] for kind in kinds)])
    data = data[: Random(seed).randrange(len(data) + 1)]
    for jumps in (False, True):
        found = []
        for twin in (_native, _plain):
            columns = np.zeros(10_000, np.int32), np.zeros(10_000, np.int64), np.zeros(10_000), np.zeros(10_000)
            found.append(repr(twin.scan(data, 0, False, jumps, True, [], *columns)))
        assert found[0] == found[1]
