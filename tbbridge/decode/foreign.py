"""Files with an event file's name that are none: what other programs keep beside it, or in its place."""

from __future__ import annotations

HEAD = 1024
"""Bytes of a file's beginning that tell."""

_VERSION, _VERSION_ENDS = b".Event:", 96
"""Of a file version (``brain.Event:2``), which is a file's first record, and where it ends at the latest."""

_LFS = b"version https://git-lfs.github.com/spec/"
_APPLE_DOUBLE = b"\0\5\x16\7"
"""RFC 1740, section 5: the magic number of AppleDouble, in which macOS keeps what other file systems cannot."""

_LENGTH = 8
"""Bytes of a record's length: fewer may be the beginning of an event file."""

_CONTROL = set(range(32)) - set(b"\t\n\r\f\x1b")


def is_headless(head: bytes) -> bool:
    """Whether an event file with this beginning does not begin with a file version."""
    return _VERSION not in head[:_VERSION_ENDS]


def foreign(head: bytes) -> str:
    """Return the kind of a file without any intact record; "" where it may be a damaged event file.

    Args:
        head: its first `HEAD` bytes, fewer where it ends before.
    """
    if head.startswith(_LFS):
        return "a Git LFS pointer (git lfs pull fetches the file itself)"
    if head.startswith(_APPLE_DOUBLE):
        return "attributes that macOS keeps beside a file"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < HEAD:  # else a character is cut off at the end
            return ""
    return "" if _CONTROL.intersection(head) or len(head) < _LENGTH else "text"
