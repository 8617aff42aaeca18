"""One bad bit costs one record; the model in damage_model.py says exactly which records survive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from random import Random

import pytest
from decode.damage_model import survivors
from decode.story import VERSION, Disk, claim, decode, decoder_of, everything, ranges, scalar, scalars, wreck
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.crc32c import frame
from tbbridge.core.model import EventFile
from tbbridge.decode import MAX_RECORD, backend, resync
from tbbridge.decode.intact_records import records, stretches
from tbbridge.tail.feed import feed
from tbbridge.write.events import event, field, simple_value, summary

HUNDRED = scalars(100)
ENDS = list(accumulate(map(len, HUNDRED)))
SPANS = list(pairwise([0, *ENDS]))


def test_every_truncation_keeps_all_whole_records() -> None:
    """Cut at any byte, a file gives every record before the cut, and the rest is an unfinished tail, no damage."""
    data = b"".join(HUNDRED)
    for size in range(len(data) + 1):
        log = decode(data[:size])
        whole = sum(end <= size for end in ENDS)
        assert log.records == whole
        assert log.scalars.step.tolist() == list(range(1, whole))
        assert (log.damage, log.incomplete_tail) == ([], size - (ENDS[whole - 1] if whole else 0))


def flipped(data: bytes, bit: int) -> bytes:
    """`data` with one bit turned over."""
    broken = bytearray(data)
    broken[bit // 8] ^= 1 << bit % 8
    return bytes(broken)


def check_flip(data: bytes, bit: int, count: int = 100) -> None:
    """Of `count` records exactly the one that holds the bit is lost, and its range is told."""
    start, end = next(span for span in SPANS if span[0] <= bit // 8 < span[1])
    log = decode(flipped(data, bit))
    lost = SPANS.index((start, end))
    assert log.scalars.step.tolist() == [step for step in range(1, count) if step != lost]
    assert log.scalars.value.tolist() == [step / 4 for step in range(1, count) if step != lost]
    assert (ranges(log), log.records, log.incomplete_tail) == ([(start, end)], count - 1, 0)
    following = lost + 1 if lost < count - 1 else None
    assert [one.step for one in log.damage] == [following], "the first intact one behind it"


def test_every_single_bit_flip_costs_one_record() -> None:
    """Whichever bit of twenty-five records is turned over, the record that holds it is lost and no other."""
    data = b"".join(HUNDRED[:25])
    for bit in range(8 * len(data)):
        check_flip(data, bit, count=25)


def test_bit_flips_cost_one_record_with_every_twin(any_twin: str) -> None:
    """The same for every bit of one record in the middle, whichever decoder is at work."""
    data = b"".join(HUNDRED)
    for bit in range(8 * SPANS[50][0], 8 * SPANS[50][1], 7 if any_twin == "plain" else 1):
        check_flip(data, bit)


def check_wreck(data: bytes, sizes: Sequence[int] = (), step: int = 1 << 30, max_record: int = MAX_RECORD) -> EventFile:
    """Decoded, `data` gives what the model gives."""
    expected, log = survivors(data, max_record), decode(data, sizes, step, max_record=max_record)
    assert (log.records, ranges(log)) == (len(expected.records), expected.damage)
    assert log.incomplete_tail == expected.tail
    return log


@given(st.integers(0, 2**63))
def test_a_wreck_gives_what_the_model_gives(seed: int) -> None:
    """Of good, nested, broken, overlong records, holes and rubbish exactly the records of the model survive."""
    check_wreck(wreck(Random(seed)), max_record=200_000)


@given(st.integers(0, 2**63))
def test_a_decoder_that_counts_says_the_same(seed: int) -> None:
    """Without its scalars, a wreck has the same number of them, and the same damage, tags and rest."""
    data = wreck(Random(seed))
    kept, counted = decode(data), decode(data, count=True)
    assert (counted.taken, len(counted.scalars.step)) == (len(kept.scalars.step), 0)
    assert everything(replace(counted, scalars=kept.scalars)) == everything(kept)


@given(st.integers(0, 2**63))
def test_the_records_of_a_wreck_are_the_models(seed: int) -> None:
    """What repair copies are exactly the records of the model."""
    data = wreck(Random(seed))
    assert list(records(len(data), Disk(data).read)) == survivors(data).records


def test_what_is_copied_as_it_is_needs_no_repair(any_twin: str) -> None:
    """A record is sound if and only if it is whole, an Event, and all its texts are UTF-8 as Python decodes it."""
    texts = [
        b"loss",
        "verlust µ€😀".encode(),
        b"\xff",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ]
    texts += [b"\xe2\x82", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf"]
    for text in texts:
        plugin, shape = field(9, field(1, field(1, text))), field(8, field(2, field(2, field(2, text))))
        for what in (field(3, text), *(summary(value) for value in (field(1, text), field(7, text), plugin, shape))):
            good = text == text.decode("utf-8", "ignore").encode()
            record = frame(event(1, 1.0, what))
            assert backend.sound(HUNDRED[1] + record + HUNDRED[2]) == (
                (3, len(HUNDRED[1] + record + HUNDRED[2])) if good else (1, len(HUNDRED[1]))
            )
    for other in (
        frame(event(1, 1.0, field(6, b"\xff"))),
        frame(event(1, 1.0, summary(field(1, b"a") + field(4, b"\xff")))),
    ):
        assert backend.sound(other) == (1, len(other))
    for broken in (
        flipped(HUNDRED[2], 200),
        HUNDRED[2][:-1],
        frame(b"\x07"),
        frame(event(1, 1.0, field(5, b"\x0a\x05"))),
    ):
        assert backend.sound(HUNDRED[1] + broken) == (1, len(HUNDRED[1]))
    assert backend.sound(b"") == (0, 0)
    rng = Random(3)
    for _ in range(30):
        data = wreck(rng)
        expected = survivors(data).records
        assert list(records(len(data), Disk(data).read)) == expected
        bounds = {start for start, _, _ in stretches(len(data), Disk(data).read)}
        assert bounds <= {start for start, _ in expected}


@given(st.integers(0, 2**63), st.sampled_from([1, 2, 3, 7, 20, 64, 1 << 30]), st.integers(0, 6))
def test_how_a_file_grew_and_was_read_changes_nothing(seed: int, step: int, looks: int) -> None:
    """Any pieces, and looks at any sizes while the file grew, end where one look at the whole file ends."""
    rng = Random(seed)
    data = wreck(rng)
    sizes = sorted(rng.randrange(len(data) + 1) for _ in range(looks))
    assert everything(decode(data, sizes, step)) == everything(decode(data))


def test_wrecks_with_every_twin(any_twin: str) -> None:
    """Every decoder gives what the model gives, and the same after any growth."""
    rng = Random(1)
    for _ in range(60):
        data = wreck(rng)
        expected, log = survivors(data, 200_000), decode(data, max_record=200_000)
        assert (log.records, ranges(log), log.incomplete_tail) == (
            len(expected.records),
            expected.damage,
            expected.tail,
        )
        sizes = sorted(rng.randrange(len(data) + 1) for _ in range(3))
        assert everything(decode(data, sizes, 13, max_record=200_000)) == everything(log)


def test_a_search_with_little_room_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for three candidates the search makes several passes, to the same end.

    (No claim is of 8 bytes: the next claim would be its payload.)
    """
    monkeypatch.setattr(resync, "_CAPACITY", 3)
    rng = Random(2)
    for _ in range(150):
        data = wreck(rng) + b"".join(claim(rng.randrange(9, 500)) for _ in range(9)) + scalar(5) * rng.randrange(3)
        expected, log = survivors(data), decode(data, [len(data) // 2], 100)
        assert (log.records, ranges(log), log.incomplete_tail) == (
            len(expected.records),
            expected.damage,
            expected.tail,
        )


def test_pieces_cut_at_every_byte(any_twin: str) -> None:
    """A file read in two pieces, cut at any byte, gives what it gives in one; and so in single bytes."""
    data = b"".join([*HUNDRED[:4], flipped(HUNDRED[4], 100), bytes(20), *HUNDRED[5:8]])
    whole = everything(decode(data))
    for cut in range(len(data) + 1):
        assert everything(decode(data, [cut])) == whole
    assert everything(decode(data, step=1)) == whole
    assert everything(decode(data, range(len(data)), step=1)) == whole


REASONS = {
    "wrong length checksum": flipped(HUNDRED[3], 90),
    "wrong data checksum": flipped(HUNDRED[3], 200),
    "zero-filled hole": bytes(64),
    "no readable event": frame(b"\x07rubbish"),
    "record of more than 67108864 bytes": claim(2**46),
}


@pytest.mark.parametrize("reason", REASONS)
def test_damage_tells_its_reason(reason: str) -> None:
    """A damaged range is told with what is wrong there."""
    log = decode(b"".join([*HUNDRED[:3], REASONS[reason], *HUNDRED[4:]]))
    assert [(one.start, one.end, one.reason) for one in log.damage] == [
        (ENDS[2], ENDS[2] + len(REASONS[reason]), reason)
    ]
    assert log.scalars.step.tolist() == [1, 2, *range(4, 100)]


@pytest.mark.parametrize("length", [2**33, 2**46, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 17])
def test_a_right_header_is_never_trusted(length: int) -> None:
    """A length beyond the end of the file means waiting; a whole record behind it proves it wrong."""
    data = VERSION + claim(length)
    waiting = decode(data)
    assert (waiting.damage, waiting.incomplete_tail, waiting.records) == ([], 12, 1)
    followed = decode(data + scalar(3))
    assert (followed.scalars.step.tolist(), ranges(followed)) == ([3], [(len(VERSION), len(data))])


def test_an_unfinished_record_that_turns_out_whole_wins() -> None:
    """A record inside an unfinished one counts only until the unfinished one is whole; then all is decoded anew."""
    outer = frame(event(7, 1.0, field(3, scalar(1))) + summary(simple_value("late", 1.0)))
    data = VERSION + outer
    size = len(data) - 1
    decoder = decoder_of(data[:size])
    assert decoder.log.scalars.step.tolist() == [1]
    assert decoder.log.damage[0].reason == "unfinished record with a whole one inside it"
    feed(decoder, Disk(data), len(data))
    assert (decoder.generation, everything(decoder.log)) == (1, everything(decode(data)))
    assert (decoder.log.scalars.step.tolist(), decoder.log.damage) == ([7], [])


def test_a_damaged_end_is_damage_until_more_comes() -> None:
    """A wrong checksum at the end is damage to the end, which ends where the next record starts once that is there."""
    data = VERSION + flipped(scalar(1), 300)
    assert ranges(decode(data)) == [(len(VERSION), len(data))]
    assert everything(decode(data + scalar(2), [len(data)])) == everything(decode(data + scalar(2)))
    assert ranges(decode(data + scalar(2))) == [(len(VERSION), len(data))]


def test_concatenated_files_are_both_read() -> None:
    """A second file version in the middle is an ordinary record."""
    log = decode(b"".join([*HUNDRED[:5], *HUNDRED[:5]]))
    assert (log.records, log.damage, log.scalars.step.tolist()) == (10, [], [1, 2, 3, 4, 1, 2, 3, 4])


def test_a_zero_length_record_is_no_loss() -> None:
    """A record without payload is intact and holds nothing."""
    log = decode(VERSION + frame(b"") + scalar(1))
    assert (log.records, log.damage, log.scalars.step.tolist()) == (3, [], [1])


@pytest.mark.parametrize("size", range(12))
def test_less_than_a_header_is_a_tail(size: int) -> None:
    """An empty file and one of a few bytes have nothing yet, and no damage."""
    log = decode(HUNDRED[0][:size])
    assert (log.records, log.damage, log.incomplete_tail) == (0, [], size)


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08\x00", b"x\x9c", b"x\x01", b"x\xda"])
def test_compressed_files_are_told_apart(magic: bytes) -> None:
    """A gzip'd or zlib'd file is one finding that says so."""
    log = decode(magic + bytes(range(100)))
    assert [one.reason for one in log.damage] == ["compressed event files (gzip, zlib) are not supported"]
