"""The file in which old points rest: what comes back is what was put, and it does not grow for ever."""

from __future__ import annotations

import gc
import os
import resource
import tempfile
from array import array
from pathlib import Path

import numpy as np
import pytest

from tbbridge.core.growing_column import GrowingColumn, Shelved
from tbbridge.following import shelf
from tbbridge.following.shelf import DiskShelf


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def places() -> set[str]:
    """The paths of what is open."""
    found = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return {os.readlink(place) for place in found if os.path.exists(place) or os.path.islink(place)}


def read(shelf: DiskShelf, blocks: array[int]) -> bytes:
    data = bytearray(len(blocks) * shelf.block)
    shelf.get(blocks, memoryview(data))
    return bytes(data)


def test_what_was_put_comes_back(folder: Path) -> None:
    """In any order of blocks, next to each other or not, and no name is ever seen."""
    shelf = DiskShelf(8)
    blocks = [shelf.put(memoryview(bytes([number]) * 8 * number)) for number in range(1, 20)]
    assert [read(shelf, some) for some in blocks if some] == [bytes([n]) * 8 * n for n in range(1, 20)]
    assert read(shelf, blocks[4][::-1] + blocks[2]) == b"\5" * 40 + b"\3" * 24
    assert os.listdir(folder) == []


def test_free_blocks_are_used_again(folder: Path) -> None:
    """The file stays as large as what rests in it at one time, and goes with its shelf."""
    gc.collect()
    before, shelf = descriptors(), DiskShelf(16)
    assert descriptors() == before, "nothing is opened before it is needed"
    for length in (100, 37, 64, 5, 100):
        column = GrowingColumn(np.arange(length), shelf)
        assert column.view.tolist() == list(range(length))
        del column
    assert shelf.size <= 100 * 8
    assert descriptors() == before + 1
    del shelf
    assert descriptors() == before


def test_where_nothing_can_be_written_the_points_stay_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost when the disk is full; when it has room again, they rest again."""
    monkeypatch.setattr(shelf, "RETRY", 0.0)
    column = GrowingColumn(np.arange(100), DiskShelf(16))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for value in range(100, 1000):
            column.extend(np.array([value]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    full = len(column.view._recent)
    column.extend(np.array([1000]))
    assert column.view.tolist() == list(range(1001))
    assert len(column.view._recent) < 10 < 800 < full


def test_the_last_of_a_disk_is_left_to_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that saves its model beside us comes first: on a disk that is nearly full nothing rests."""
    kept = DiskShelf(16)
    column = GrowingColumn(np.arange(100), kept)
    size = kept.size
    del column
    with monkeypatch.context() as full:
        full.setattr(shelf, "RESERVE", 1 << 62)
        full.setattr(shelf, "RETRY", 0.0)
        assert not isinstance(GrowingColumn(np.arange(1000), kept).view, Shelved)
        assert isinstance(GrowingColumn(np.arange(100), kept).view, Shelved), "in the room that it has already"
    assert kept.size == size


def test_it_lies_where_large_temporary_files_are_meant_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """In ``/var/tmp`` rather than ``/tmp``, which may be memory; where ``TMPDIR`` says so, there."""
    for said, meant in (("/tmp", "/var/tmp"), ("/dev/shm", "/dev/shm")):
        monkeypatch.setattr(tempfile, "tempdir", said)
        before = places()
        kept = DiskShelf()
        assert kept.put(memoryview(bytes(kept.block))) is not None
        assert [os.path.dirname(place) for place in places() - before] == [meant]


def test_without_a_directory_for_temporary_files_they_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that can write nowhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    column = GrowingColumn(np.arange(1000), DiskShelf())
    assert not isinstance(column.view, Shelved)
    assert column.view.tolist() == list(range(1000))
