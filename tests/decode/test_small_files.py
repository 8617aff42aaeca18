"""Many small files decoded in one call: each as the decoder reads it alone, and what is unusual left to it."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from decode.story import decode, everything, scalar, wreck

from tbbridge.core.crc32c import frame
from tbbridge.core.model import EventFile
from tbbridge.decode import backend
from tbbridge.decode.small_files import SmallFiles, decode_small
from tbbridge.write.events import event, field, scalar_tensor, simple_value, summary, tensor_value

SESSION = "_hparams_/session_start_info"


def together(files: list[bytes]) -> SmallFiles:
    return decode_small(memoryview(b"".join(files)), np.cumsum([0, *map(len, files)]).astype(np.int64))


def is_usual(log: EventFile) -> bool:
    """The rule of docs: every record intact, float32 scalars or nothing, no session, nothing passed over."""
    return not (log.damage or log.incomplete_tail or log.starts or log.hparams or log.passed_over or log.doubles)


def tensor(dtype: str, step: int = 1, plugin: str = "scalars") -> bytes:
    return frame(event(step, 1.5, summary(tensor_value("t", scalar_tensor(1, dtype), plugin))))


def test_each_file_is_decoded_as_alone(any_twin: str) -> None:
    """Random files, most of them damaged: the plain ones equal the decoder's, and are those with nothing unusual."""
    rng = Random(7)
    files = [b"", *(b"".join(scalar(i, tag=tag) for i in range(3) for tag in ("a", "b")) for _ in "12")]
    files += [wreck(rng) for _ in range(60 if any_twin == "plain" else 600)]
    found = together(files)
    plain = 0
    for i, data in enumerate(files):
        log = decode(data)
        assert found.plain[i] == is_usual(log)
        if found.plain[i]:
            plain += 1
            assert everything(found.file(i, log.name)) == everything(log)
        else:
            assert found.rows[i] == found.rows[i + 1]
    assert 10 < plain < len(files) - 10


@pytest.mark.parametrize(
    ("unusual", "plain"),
    [
        (frame(event(5, 1.0, field(7, b"\x08\x01"))), False),  # a START
        (tensor("float64"), False),
        (tensor("int32"), False),
        (tensor("float32"), True),
        (tensor("float16"), True),
        (frame(event(1, 1.0, summary(field(1, "empty")))), False),  # passed over
        (frame(event(1, 1.0, summary(field(1, "h") + field(9, field(1, field(1, "hparams")))))), True),
        (frame(event(1, 1.0, summary(field(1, SESSION) + field(9, field(1, field(1, "hparams")))))), False),
        (scalar(3)[:-1], False),
        (scalar(3)[:5], False),
        (bytes(40), False),
        (frame(event(1, 1.0, summary(field(1, "p") + field(4, bytes(40_000))))), True),  # a large image, jumped over
        (frame(event(1, 1.0, summary(simple_value("s" * 40_000, 1.0)))), False),  # a large record that holds a scalar
        (frame(event(1, 1.0, summary(field(1, "p") + field(4, bytes(40_000)))))[:-9], False),
        (b"".join(scalar(9, tag=name) for name in (b"\xff", b"\\xff")), False),  # two tags of one text
    ],
)
def test_one_unusual_file_among_many_costs_only_itself(unusual: bytes, plain: bool, any_twin: str) -> None:
    """Its neighbours keep their rows and their tags, whatever it holds."""
    good = [b"".join(scalar(i, tag=tag) for i in range(4) for tag in tags) for tags in (("a", "b"), ("b",), ("a", "b"))]
    files = [good[0], scalar(0, tag="b") + unusual, good[1], unusual, good[2]]
    found = together(files)
    assert found.plain.tolist()[::2] == [True, True, True]
    assert found.plain[1] == plain
    for i in (0, 2, 4):
        assert everything(found.file(i, "")) == everything(decode(files[i], ()))
    if plain:
        assert everything(found.file(1, "")) == everything(decode(files[1]))


def test_what_belongs_to_another_dashboard_ends_with_its_file(any_twin: str) -> None:
    """A tag that is another plugin's in one file is a scalar's in the next."""
    foreign = frame(event(1, 1.0, summary(tensor_value("t", scalar_tensor(1.0), "other"))))
    own = frame(event(1, 1.0, summary(tensor_value("t", scalar_tensor(1.0), None))))
    found = together([own, foreign, own])
    assert found.plain.tolist() == [True, False, True]
    assert np.diff(found.rows).tolist() == [1, 0, 1]


def test_bounds_outside_the_data_are_refused(any_twin: str) -> None:
    """No byte outside the data is looked at."""
    for bounds in ([0, 9], [4, 2], [-1, 3]):
        with pytest.raises(ValueError, match="bounds must ascend inside data"):
            decode_small(memoryview(b"abcd"), np.array(bounds, np.int64))
    columns = [np.empty(0, kind) for kind in ("i4", "i8", "f8", "f8")]
    data = scalar(1)
    assert backend.scan_files(data, np.array([0, len(data)]), *columns).plain.tolist() == [False]  # no room
