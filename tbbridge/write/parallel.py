"""Work on all cores at once, its results in order: the same whatever the number of cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tbbridge.core.errors import PublishError

if TYPE_CHECKING:
    from concurrent.futures import Future

In = TypeVar("In")
Out = TypeVar("Out")

WRITERS = 8
"""Files that are written at a time: each waits for the disk, hardly for the processor."""
LAST_MOMENT = 1.0
"""Seconds that Ctrl-C leaves to what has begun."""
TOGETHER = 20
"""Small files that each of them has open at a time, at most."""


def small_files_at_once() -> int:
    """Return how many small files a writer may have open: all writers together, half of the process's descriptors."""
    try:
        import resource
    except ImportError:  # Windows
        return TOGETHER
    return max(1, min(TOGETHER, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // (2 * WRITERS)))


def ordered_map(
    function: Callable[[In], Out], items: Iterable[In], workers: int | None = None, *, writes: bool = False
) -> Iterator[Out]:
    """`function` over `items` in threads, results in order, never more than a few items ahead of the reader.

    A single item needs no thread, and is not worth loading them.

    writes: it writes small files: Ctrl-C awaits what has begun, which leaves no temporary file then; a second one does
    not.
    """
    coming = iter(items)
    begin = list(islice(coming, 2))
    if len(begin) < 2:
        yield from map(function, begin)
        return
    from concurrent.futures import ThreadPoolExecutor, wait

    workers = workers or os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Out]] = deque()
    finish = True

    def first() -> Out:
        result = waiting[0].result()
        waiting.popleft()
        return result

    try:
        for item in chain(begin, coming):
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield first()
        while waiting:
            yield first()
    except KeyboardInterrupt:  # a huge file is not read to its end, nor a store awaited
        finish = False
        pool.shutdown(wait=False, cancel_futures=True)
        wait([one for one in waiting if not one.cancelled()], None if writes else LAST_MOMENT)
        raise
    finally:  # what has not begun is not waited for
        pool.shutdown(wait=finish, cancel_futures=True)


def write_all(
    put: Callable[[In], Path],
    items: Sequence[In],
    progress: Callable[[int, int], object] | None = None,
    workers: int = WRITERS,
) -> list[Path]:
    """Write one file an item, `workers` at a time; one that cannot be written does not stop the others.

    progress: told how many are done, and how many there are.

    Returns the files, in the order of the items.

    Raises:
        PublishError: some could not be written; the first of these errors.
    """

    def tried(item: In) -> Path | PublishError:
        try:
            return put(item)
        except PublishError as error:
            return error

    done: list[Path | PublishError] = []
    for one in ordered_map(tried, items, workers):
        done.append(one)
        if progress:
            progress(len(done), len(items))
    return all_written(done)


def all_written(done: Iterable[Path | PublishError]) -> list[Path]:
    """Return the files that were written; raise the first error where there is one."""
    paths = []
    for one in done:
        if isinstance(one, PublishError):
            raise one
        paths.append(one)
    return paths
