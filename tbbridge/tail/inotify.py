"""Linux' inotify, as far as a log directory needs it: which names in which directories were touched.

Our own few calls, since watchdog keeps silent when the limit of watches is reached below the root, and leaves a thread
running after its observer was stopped.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import NamedTuple

IN_MODIFY, IN_ATTRIB, IN_MOVED_FROM, IN_MOVED_TO = 0x2, 0x4, 0x40, 0x80
IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF = 0x100, 0x200, 0x400, 0x800
IN_Q_OVERFLOW, IN_IGNORED, IN_ISDIR = 0x4000, 0x8000, 0x40000000
IN_ONLYDIR, IN_EXCL_UNLINK = 0x01000000, 0x04000000

NAMES = IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
SELF = IN_DELETE_SELF | IN_MOVE_SELF
GONE = IN_MOVED_FROM | IN_DELETE

HEADER = struct.Struct("iIII")
BUFFER = 1 << 16


class Touch(NamedTuple):
    """Something happened to this path; `lost` when notifications were dropped and anything may have happened."""

    path: str
    is_directory: bool
    lost: bool = False


class Inotify:
    """One inotify instance; not thread-safe.

    Raises:
        OSError: the kernel has no inotify, or the user's limit of instances is reached (EMFILE).
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._add, self._remove = libc.inotify_add_watch, libc.inotify_rm_watch
            self.descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            raise OSError("this system has no inotify") from None
        if self.descriptor < 0:
            raise _last_error()
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}

    def __contains__(self, directory: str) -> bool:
        return directory in self._watches

    def add(self, directory: str) -> None:
        """Be told of this directory's names from now on.

        Raises:
            OSError: ENOSPC when the user's limit of watches is reached; or the directory is gone or unreadable.
        """
        watch = self._add(self.descriptor, os.fsencode(directory), NAMES | SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
        if watch < 0:
            raise _last_error()
        self._watches.pop(self._paths.get(watch, ""), None)
        self._paths[watch], self._watches[directory] = directory, watch

    def read(self) -> list[Touch]:
        """What happened since the last call; empty when nothing did."""
        touches = []
        while data := self._read_some():
            offset = 0
            while offset < len(data):
                watch, mask, _, length = HEADER.unpack_from(data, offset)
                offset += HEADER.size
                name = data[offset : offset + length].rstrip(b"\0")
                offset += length
                touches.extend(self._understand(watch, mask, os.fsdecode(name)))
        return touches

    def close(self) -> None:
        """Let the instance go."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _read_some(self) -> bytes:
        try:
            return os.read(self.descriptor, BUFFER)
        except BlockingIOError:
            return b""

    def _understand(self, watch: int, mask: int, name: str) -> list[Touch]:
        if mask & IN_Q_OVERFLOW:
            return [Touch("", True, lost=True)]
        directory = self._paths.get(watch)
        if directory is None:
            return []
        if mask & (IN_IGNORED | SELF):
            self.forget(directory)
            return [Touch(directory, True)]
        path = os.path.join(directory, name) if name else directory  # its own permissions or times changed
        if mask & IN_ISDIR and mask & GONE:
            self.forget(path)
        return [Touch(path, bool(mask & IN_ISDIR))]

    def forget(self, directory: str) -> None:
        """End the watches of a directory that was moved or deleted, and of all below it: their paths are wrong now."""
        below = os.path.join(directory, "")
        for path in [path for path in self._watches if path == directory or path.startswith(below)]:
            watch = self._watches.pop(path)
            if self._paths.pop(watch, None) is not None:
                self._remove(self.descriptor, watch)


def _last_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
