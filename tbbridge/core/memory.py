"""Memory that was freed, and that the C library keeps."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def give_back() -> None:
    """Give freed memory back to the system, where the C library is glibc, which keeps it below its newest block.

    After large arrays were merged that is as much as the points take; it costs a millisecond or so.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
