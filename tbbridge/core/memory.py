"""Memory: pauses the garbage collector where it only costs, and returns freed memory to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator

_ARENA_MAX = -8
"""glibc's M_ARENA_MAX (malloc.h)."""

MANY_OBJECTS = 10_000
"""New objects from which on the first look of the collector at them is left out: it takes a second for a million."""


def give_back() -> None:
    """Give freed memory back to the system, where the C library is glibc, which keeps it below its newest block.

    After large arrays were merged that is as much as the points take; it costs a millisecond or so.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def share_arenas() -> None:
    """Let all threads allocate in two of glibc's arenas: each of its own would keep what it freed (mallopt(3)).

    A page has some forty threads, and glibc has eight arenas per core.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Let the garbage collector rest while many objects are made that all stay.

    It would look at them again and again: a fifth of the time of reading ten thousand runs. Where they are many, they
    are old for the collector at once, which looks at them when it looks at all.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_count()[0] > MANY_OBJECTS and not gc.get_freeze_count():  # what others froze stays so
                gc.freeze()
                gc.unfreeze()
            gc.enable()
