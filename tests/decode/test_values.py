"""Everything a scalar can be, and what is no scalar: by both twins, and by protobuf's own classes as the oracle."""

from __future__ import annotations

import itertools
import math
import struct
from random import Random

import numpy as np
import pytest
from decode import soup
from decode.protobuf_model import LooseEvent, expected, same
from decode.story import VERSION, decode, scalar
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto import event_pb2

from tbbridge.core.crc32c import frame
from tbbridge.core.model import Start
from tbbridge.core.varint import varint
from tbbridge.decode import Decoder, _native, _plain
from tbbridge.decode.columns import Columns
from tbbridge.decode.scan_result import REASONS, UNPARSABLE, Scan
from tbbridge.write.events import DTYPES, event, field, scalar_tensor, simple_value, summary, tensor_value

ROOM = 1024
Rows = list[tuple[bytes, int, float, float]]


def scanned(twin, payload: bytes, foreign: frozenset[bytes] = frozenset()) -> tuple[Scan, Rows]:
    """The scan of one record, and its rows with their tags."""
    columns = np.zeros(ROOM, np.int32), np.zeros(ROOM, np.int64), np.zeros(ROOM), np.zeros(ROOM)
    found = twin.scan(frame(payload), 0, False, False, True, sorted(foreign), *columns)
    tag, step, wall_time, value = (column[: found.rows].tolist() for column in columns)
    return found, [(found.tags[tag[i]], step[i], wall_time[i], value[i]) for i in range(found.rows)]


def check_against_protobuf(payload: bytes, foreign: frozenset[bytes] = frozenset()) -> None:
    """Both twins take from the event exactly what protobuf's message holds."""
    wanted = expected(payload, foreign)
    for twin in (_native, _plain):
        found, rows = scanned(twin, payload, foreign)
        if wanted is None:
            assert (found.stop, found.records, found.rows) == (UNPARSABLE, 0, 0)
            continue
        assert found.records == 1
        assert len(rows) == len(wanted.rows)
        for row, want in zip(rows, wanted.rows, strict=True):
            assert row[:2] == want[:2]
            assert same(row[2], want[2])
            assert same(row[3], want[3])
        assert {found.tags[i] for i in found.wide} == {tag for tag, *_, wide in wanted.rows if wide}
        assert {reason: n for reason, n in zip(REASONS, found.passed, strict=True) if n} == wanted.passed
        assert set(found.foreign) == wanted.foreign
        assert [step for _, step, *_ in found.starts] == wanted.starts
        assert repr(found.sessions) == repr(wanted.sessions)  # a wall time may be NaN


@given(st.integers(0, 2**63))
def test_events_mean_what_protobuf_says(seed: int) -> None:
    """Odd, split, repeated, reordered and broken messages are taken or refused as protobuf does it."""
    rng = Random(seed)
    for _ in range(20):
        foreign = frozenset(tag for tag in soup.TAGS if rng.random() < 0.2)
        check_against_protobuf(soup.event(rng), foreign)


@given(st.binary(max_size=60))
def test_any_bytes_mean_what_protobuf_says(payload: bytes) -> None:
    """So are bytes that no one meant to be an event."""
    check_against_protobuf(payload)


def test_what_tensorboard_parses_is_never_refused() -> None:
    """An event that TensorBoard's own class parses is parsed, with the same scalars."""
    rng, seen = Random(3), 0
    for _ in range(2000):
        payload = soup.event(rng)
        try:
            theirs = event_pb2.Event.FromString(payload)
        except Exception:
            continue
        seen += 1
        simple = [v.simple_value for v in theirs.summary.value if v.WhichOneof("value") == "simple_value"]
        assert expected(payload) is not None
        found, rows = scanned(_native, payload)
        assert found.records == 1
        assert len(rows) >= len(simple)
    assert seen > 500


NUMBERS = {
    "float32": (1, 5, 0.1, "<f"),
    "float64": (2, 6, 0.1, "<d"),
    "int32": (3, 7, -7, "<i"),
    "uint8": (4, 7, 200, "<B"),
    "int16": (5, 7, -300, "<h"),
    "int8": (6, 7, -5, "<b"),
    "int64": (9, 10, -(2**60), "<q"),
    "bool": (10, 11, True, "<?"),
    "bfloat16": (14, 13, 0x3FC0, "<H"),
    "uint16": (17, 7, 60000, "<H"),
    "float16": (19, 13, 0x3E00, "<H"),
    "uint32": (22, 16, 2**32 - 1, "<I"),
    "uint64": (23, 17, 2**63, "<Q"),
}
"""dtype -> (its number, its field of typed values, a value (of a half: its bits), its layout)."""
SHAPES = {"no shape": None, "scalar": (), "one": (1,), "one by one": (1, 1)}
ENCODINGS = ("tensor_content", "packed", "unpacked", "omitted")


def encoded(dtype: str, encoding: str, shape: tuple[int, ...] | None) -> bytes:
    """A TensorProto of the dtype's value (of zero when it is omitted)."""
    number, source, value, layout = NUMBERS[dtype]
    out = b"\x08" + varint(number)
    if shape is not None:
        out += field(2, b"".join(field(2, b"\x08" + varint(size)) for size in shape))
    fixed = {5: 5, 6: 1}.get(source)
    typed = struct.pack(layout, value) if fixed else varint(int(value))
    if encoding == "tensor_content":
        out += field(4, struct.pack(layout, value))
    elif encoding == "packed":
        out += field(source, typed)
    elif encoding == "unpacked":
        out += varint(source << 3 | (fixed or 0)) + typed
    return out


@pytest.mark.parametrize("plugin", ["scalars", None])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_dtype_in_every_form_is_exact(dtype: str, plugin: str | None, any_twin: str) -> None:
    """Each numeric dtype, in each encoding and each shape of one element, gives its exact value."""
    value = {"bfloat16": 1.5, "float16": 1.5, "float32": float(np.float32(0.1))}.get(dtype, NUMBERS[dtype][2])
    for encoding, shape in itertools.product(ENCODINGS, SHAPES.values()):
        payload = event(5, 2.0, summary(tensor_value("x", encoded(dtype, encoding, shape), plugin)))
        check_against_protobuf(payload)
        log = decode(VERSION + frame(payload))
        assert log.scalars.value.tolist() == [0 if encoding == "omitted" else value]
        narrow = dtype in ("float32", "float16", "bfloat16")
        assert (log.scalars.value.dtype, log.doubles) == ((np.float32, set()) if narrow else (np.float64, {0}))


def test_the_writer_writes_every_dtype_exactly() -> None:
    """What EventWriter's tensors say comes back."""
    assert set(DTYPES) == set(NUMBERS)


def test_every_half_is_exact() -> None:
    """Each of the 65,536 bit patterns of a half is read as numpy reads it."""
    for first in range(0, 1 << 16, 256):
        bits = range(first, first + 256)
        tensors = [b"\x08\x13" + field(4, struct.pack("<H", one)) for one in bits]
        found, rows = scanned(_native, event(1, 1.0, summary(*(tensor_value("h", tensor) for tensor in tensors))))
        assert found.passed == (0,) * len(REASONS)
        for row, value in zip(rows, np.array(bits, np.uint16).view(np.float16), strict=True):
            assert same(row[3], float(value))


def test_a_value_that_is_almost_the_one_before_is_read_by_itself() -> None:
    """A byte is changed anywhere in some of equal Values: as protobuf reads them, also where they are none then."""
    tensor = scalar_tensor(0.5)
    bare = tensor_value("loss", tensor, None)
    for base in (simple_value("loss", 0.5), tensor_value("loss", tensor), bare, tensor_value("l", tensor + tensor)):
        for at, change in itertools.product(range(len(base)), (1, 2, 64)):
            changed = base[:at] + bytes([base[at] ^ change]) + base[at + 1 :]
            check_against_protobuf(event(3, 1.0, summary(base, base, changed, base, changed, changed)))
    image = tensor_value("loss", tensor, "images")
    check_against_protobuf(event(3, 1.0, summary(bare, bare, bare, image, bare, bare, simple_value("loss", 1.0), bare)))
    check_against_protobuf(event(3, 1.0, summary(bare, bare, image, bare, tensor_value("loss", tensor), bare, bare)))
    claimed = simple_value("loss", 0.5) + field(9, field(1, field(1, "images")))
    empty = tensor_value("loss", b"")
    check_against_protobuf(event(3, 1.0, summary(claimed, empty, claimed, bare)))


@given(st.integers(0, 2**32 - 1))
def test_float32_bits_survive(bits: int) -> None:
    """Any float32, NaN, infinities, denormals and the sign of zero included, comes back."""
    (value,) = struct.unpack("<f", struct.pack("<I", bits))
    payload = event(1, 1.0, summary(field(1, "x") + b"\x15" + struct.pack("<I", bits)))
    assert same(float(decode(frame(payload)).scalars.value[0]), value)


@given(st.integers(-(2**63), 2**63 - 1), st.floats(), st.floats())
def test_steps_wall_times_and_doubles_survive(step: int, wall_time: float, value: float) -> None:
    """Any int64 step, any wall time and any float64 value come back."""
    tensor = b"\x08\x02" + field(4, struct.pack("<d", value))
    columns = decode(frame(event(step, wall_time, summary(tensor_value("x", tensor))))).scalars
    assert columns.step.tolist() == [step]
    assert same(float(columns.wall_time[0]), wall_time)
    assert same(float(columns.value[0]), value)


NO_SCALARS = {
    "value message without a value": field(1, "x"),
    "string tensor": tensor_value("x", b"\x08\x07" + field(8, "text")),
    "tensor of a dtype that is not numeric": tensor_value("x", b"\x08\x08" + field(9, bytes(8))),
    "tensor that has not exactly one element": tensor_value("x", b"\x08\x01" + field(2, field(2, b"\x08\x02"))),
    "tensor_content of the wrong length": tensor_value("x", b"\x08\x01" + field(4, b"abc")),
    "tensor whose number of values does not fit its shape": tensor_value("x", b"\x08\x01" + field(5, bytes(8))),
    "tensor whose values are not of its dtype": tensor_value("x", b"\x08\x01" + field(7, b"\x01")),
    "integer that float64 cannot hold exactly": tensor_value("x", b"\x08\x09" + field(10, varint(2**53 + 1))),
    "one-element tensor of another plugin": tensor_value("x", b"\x08\x01" + field(4, bytes(4)), "pr_curves"),
}


@pytest.mark.parametrize("reason", NO_SCALARS)
def test_what_is_no_scalar_is_counted_with_its_reason(reason: str, any_twin: str) -> None:
    """A value that cannot be read exactly is not guessed: it is passed over, and counted."""
    log = decode(VERSION + frame(event(1, 1.0, summary(NO_SCALARS[reason], simple_value("y", 1.0)))))
    assert dict(log.passed_over) == {reason: 1}
    assert (log.tags, log.damage, log.records) == (["y"], [], 2)


def test_images_and_the_like_are_not_counted() -> None:
    """What other dashboards show is no loss: images, histograms, audio, tensors of many elements of a plugin."""
    values = [field(1, "x") + field(number, b"\x08\x01") for number in (3, 4, 5, 6)]
    values.append(tensor_value("p", b"\x08\x01" + field(2, field(2, b"\x08\x02")) + field(4, bytes(8)), "pr_curves"))
    log = decode(frame(event(1, 1.0, summary(*values))))
    assert (log.tags, dict(log.passed_over), log.records) == ([], {}, 1)


ONE = b"\x08\x01" + field(4, struct.pack("<f", 2.5))


@pytest.mark.parametrize("cut", [False, True])
def test_metadata_may_come_first_later_or_never(cut: bool, any_twin: str) -> None:
    """A tensor is a scalar by its tag's latest metadata in the file, or without any; across pieces too."""
    plugins = [None, "scalars", None, "images", None, "scalars", None]
    events = [
        frame(event(step, 1.0, summary(tensor_value("x", ONE, plugin)))) for step, plugin in enumerate(plugins, start=1)
    ]
    log = decode(b"".join([VERSION, *events]), step=len(events[0]) if cut else 1 << 30)
    assert log.scalars.step.tolist() == [1, 2, 3, 6, 7]
    assert dict(log.passed_over) == {"one-element tensor of another plugin": 2}


def test_a_simple_value_is_a_scalar_whatever_its_plugin() -> None:
    """Only tensors ask whose they are."""
    plugin = field(9, field(1, field(1, "custom")))
    assert decode(frame(event(3, 1.0, summary(simple_value("x", 1.0) + plugin)))).scalars.step.tolist() == [3]


def test_tags_that_are_no_utf8_are_kept(any_twin: str) -> None:
    r"""A byte that is not UTF-8 is shown as \xNN, and the value stays; other tags stay as they are."""
    tags = [b"caf\xc3\xa9", b"\xff\xfeloss", "loss/Ω 😀".encode(), b""]
    log = decode(b"".join(scalar(step, 1.0, tag) for step, tag in enumerate(tags)))
    assert log.tags == ["café", "\\xff\\xfeloss", "loss/Ω 😀", ""]
    assert (log.scalars.tag.tolist(), log.damage) == ([0, 1, 2, 3], [])


def test_starts_are_told() -> None:
    """A SessionLog START has its place among the scalars, its step, whether nothing came before it, and its time."""
    start = [frame(event(step, wall, field(7, b"\x08\x01"))) for step, wall in ((3, 2.5), (9, math.nan))]
    stop = frame(event(4, 1.0, field(7, b"\x08\x02")))
    log = decode(b"".join([VERSION, start[0], scalar(1), scalar(2), stop, start[1], scalar(9)]))
    assert log.starts == [Start(0, 3, True, 2.5), Start(2, 9, False, math.inf)]
    assert decode(scalar(1) + start[1]).starts == [Start(1, 9, False, math.inf)]


def test_a_record_of_the_hparams_plugin_is_told() -> None:
    """As torch's add_hparams writes it: a tag of the plugin, without a value. A scalar of such a name is none."""
    session = summary(field(1, "_hparams_/session_start_info") + field(9, field(1, field(1, "hparams"))))
    assert decode(VERSION + scalar(1) + frame(event(0, 1.0, session)) + scalar(2)).hparams
    assert not decode(VERSION + scalar(1, 0.5, "_hparams_/x")).hparams


def test_the_first_wall_time_is_that_of_the_first_intact_record() -> None:
    """Damage before it does not count."""
    assert math.isnan(decode(b"").first_wall_time)
    assert decode(VERSION + scalar(5)).first_wall_time == 1.0
    assert decode(bytes([VERSION[0] ^ 1]) + VERSION[1:] + scalar(5)).first_wall_time == 105.0


def test_a_double_does_not_widen_its_neighbours() -> None:
    """Beside a tag of doubles, a float32 tag keeps its values and is known to be float32."""
    double = frame(event(2, 1.0, summary(tensor_value("d", b"\x08\x02" + field(4, struct.pack("<d", 0.1))))))
    log = decode(scalar(1, 0.1, "f") + double)
    assert log.scalars.value.tolist() == [float(np.float32(0.1)), 0.1]
    assert [log.tags[i] for i in log.doubles] == ["d"]


def test_scalars_that_are_taken_are_had_once(any_twin: str) -> None:
    """In pieces they are those of the whole, and where a START stands still counts the ones that were taken."""
    double = frame(event(2, 1.0, summary(tensor_value("d", b"\x08\x02" + field(4, struct.pack("<d", 0.1))))))
    start = frame(event(3, 1.0, field(7, b"\x08\x01")))
    data = b"".join([VERSION, *(scalar(step, step / 3, "f") for step in range(9)), double, start, scalar(9, 0.5, "f")])
    decoder, taken = Decoder("x"), []
    for at in range(0, len(data), 50):
        decoder.feed(data[at : at + 50])
        taken.append(decoder.take())
    decoder.settle(len(data))
    whole = decode(data)
    for column in ("tag", "step", "wall_time", "value"):
        pieces = [getattr(piece, column) for piece in taken]
        np.testing.assert_array_equal(np.concatenate(pieces), getattr(whole.scalars, column))
    assert decoder.log.starts == whole.starts == [Start(10, 3, False, 1.0)]
    assert len(decoder.log.scalars.step) == len(decoder.take().step) == 0


def test_room_for_rows_to_come_is_never_read() -> None:
    """Columns turn to float64 without a look at what is not filled yet, which may be anything."""
    columns = Columns()
    columns.room(4)[0][:] = 0
    columns._value.room(4).view(np.uint32)[:] = 0x7F800001  # a signalling NaN, at which numpy would warn
    columns.commit(np.zeros(1, np.int32), np.array([0.1]), wide=True)
    assert columns.scalars().value.tolist() == [0.1]


@pytest.mark.parametrize("depth", [99, 100, 101])
def test_groups_nest_as_deep_as_protobuf_allows(depth: int) -> None:
    """Unknown groups are skipped without recursion, to protobuf's own limit."""
    check_against_protobuf(b"\xa3\x06" * depth + b"\xa4\x06" * depth)
    for wrap in (lambda x: field(5, x), lambda x: field(5, field(1, x))):
        check_against_protobuf(wrap(b"\xa3\x06" * depth + b"\xa4\x06" * depth))


def test_the_oracle_is_tensorboards_own_message() -> None:
    """The loosened message agrees with TensorBoard's class on what is well formed."""
    payload = event(7, 1.5, summary(simple_value("a", 2.0), tensor_value("b", ONE)))
    ours, theirs = LooseEvent.FromString(payload), event_pb2.Event.FromString(payload)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
