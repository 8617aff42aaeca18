"""Work on all cores at once."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier

import pytest

from tbbridge.core.errors import PublishError
from tbbridge.write.parallel import ordered_map, write_all


def test_the_order_is_kept_and_the_reader_is_never_far_behind() -> None:
    """Results come in the order of the items, and only a few items are taken ahead of the reader."""
    taken: list[int] = []

    def items():
        for i in range(50):
            taken.append(i)
            yield i

    results = ordered_map(lambda i: i * i, items(), workers=2)
    assert next(results) == 0
    assert len(taken) <= 6
    assert list(results) == [i * i for i in range(1, 50)]


def test_an_error_in_a_thread_arrives() -> None:
    """What a worker raises is raised to the reader."""
    with pytest.raises(ZeroDivisionError):
        list(ordered_map(lambda i: 1 / i, [0]))


def test_files_are_written_at_a_time_and_returned_in_order() -> None:
    """Each of eight waits for the others, so they are written together; one that fails stops none, and is told."""
    together = Barrier(8, timeout=20)
    made: list[int] = []

    def put(number: int) -> Path:
        together.wait()
        if number in (3, 5):
            raise PublishError(f"no place for {number}")
        made.append(number)
        return Path(str(number))

    with pytest.raises(PublishError, match="no place for 3"):
        write_all(put, range(16))
    assert sorted(made) == [number for number in range(16) if number not in (3, 5)]
    told: list[tuple[int, int]] = []
    assert write_all(lambda n: Path(str(n)), range(20), lambda *how: told.append(how)) == [
        Path(str(n)) for n in range(20)
    ]
    assert told == [(number, 20) for number in range(1, 21)]
