"""CRC-32C by the processor's instruction, by the compiled table and in plain Python: one answer."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c as tensorboards

from tbbridge.core import crc32c, crc32c_lanes
from tbbridge.decode import _native, backend

DATA = Random(1).randbytes(70_000)
LENGTHS = [*range(40), 255, 256, 767, 768, 769, 2303, 4096, 12_287, 12_288, 12_289, 16_383, 16_384, 36_865, 70_000]


def test_known_answers(any_twin: str) -> None:
    """The vectors of RFC 3720, appendix B.4."""
    vectors = {bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E, b"123456789": 0xE3069283}
    for data, crc in vectors.items():
        assert backend.crc32c(data) == crc32c.crc32c(data) == crc


def test_every_length_and_alignment(any_twin: str) -> None:
    """Around each length at which the loops change, from any address."""
    for length in LENGTHS:
        for start in (0, 1, 7):
            data = DATA[start : start + length]
            assert backend.crc32c(memoryview(DATA)[start : start + length]) == crc32c.crc32c(data)
    assert backend.crc32c(DATA[:5000]) == tensorboards(DATA[:5000])


@given(st.binary(max_size=200), st.integers(0, 200))
def test_pieces_join(data: bytes, cut: int) -> None:
    """The checksum goes on from that of the bytes before."""
    for function in (_native.crc32c, crc32c.crc32c):
        assert function(data[cut:], function(data[:cut])) == tensorboards(data)


def test_the_mask_is_tensorflows() -> None:
    """Of a header that TensorFlow wrote."""
    assert crc32c.masked_crc32c(b"\x18" + bytes(7)) == _native.masked_crc32c(b"\x18" + bytes(7)) == 0x224B7FA3


def test_zeros_are_shifted_over(any_twin: str) -> None:
    """Shifting by n is what n zero bytes do to a state, one or four billion of them."""
    lengths = np.array([0, 1, 2, 255, 256, 257, 65_537, 70_000], np.int64)
    states = np.arange(1, 9, dtype=np.uint32) * np.uint32(0x1234567)
    expected = [crc32c.update(int(s), bytes(int(n))) for s, n in zip(states, lengths, strict=True)]
    assert backend.shift(states, lengths).tolist() == expected
    far = np.array([1 << 33, (1 << 40) + 12_345], np.int64)
    assert backend.shift(states[:2], far).tolist() == crc32c_lanes.shift(states[:2], far).tolist()


def test_states_at_offsets(any_twin: str) -> None:
    """The running states are those of the pieces; offsets that leave the data are refused by the compiled twin."""
    offsets = np.array([0, 3, 3, 500, 1000], np.int64)
    expected = [crc32c.update(77, DATA[:at]) for at in offsets]
    assert backend.prefix_states(DATA[:1000], offsets, 77).tolist() == expected
    for wrong in ([5, 4], [-1], [1001]):
        with pytest.raises(ValueError, match="ascend"):
            _native.prefix_states(DATA[:1000], np.array(wrong, np.int64), 0)


def test_headers_are_found_everywhere(any_twin: str) -> None:
    """Right headers are found at any offset, from the one asked for on, up to the length asked for."""
    data = bytearray(DATA[:3000])
    for at, length in ((7, 0), (100, 2**20), (101 + 12, 2**40), (2988, 9)):
        header = length.to_bytes(8, "little")
        data[at : at + 12] = header + crc32c.masked_crc32c(header).to_bytes(4, "little")
    del data[3000:]
    offsets, lengths = backend.headers(bytes(data), 1, 2**30)
    assert list(zip(offsets.tolist(), lengths.tolist(), strict=True)) == [(7, 0), (100, 2**20), (2988, 9)]
    assert backend.headers(bytes(data), 8, 2**30)[0].tolist() == [100, 2988]
    assert backend.headers(bytes(data), 0, 2**63 - 1)[0].tolist()[-2:] == [113, 2988]
    assert backend.headers(b"", 0, 5)[0].tolist() == []
