"""Sleep until something may have changed. A notification is a hint where to look, never a truth: a poll backs it up."""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import os
import threading
import time
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tbbridge.core.errors import UsageError
from tbbridge.tail.logdir import MARK

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

GATHER = 0.002
"""Seconds to wait for more after a first notification: a record may be written in several pieces."""

SILENT_POLLS = 2
"""Polls in a row that find new bytes in one directory, of which no notification came until the poll after, prove that
none comes. One may be chance: the system drops notifications when there are too many at a time."""

MOST_LINKS = 100
"""Linked directories that are watched, each by a thread of watchdog's; the others are polled."""


def poll_seconds(interval: float) -> float:
    """Return the seconds between polls that a caller asked for.

    Raises:
        UsageError: it is no finite number above 0.
    """
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval < math.inf:
        raise UsageError(f"poll_interval {interval!r}: give seconds, a number above 0")
    return float(interval)


class Watcher:
    """Waits for changes below a directory. `wake` may be called from any thread, the rest from one.

    Args:
        root: the directory, or one file; it may appear later.
        notify: False to do without notifications.
        mark: the part that the names of interesting files contain.
        recursive: whether directories below it are interesting, too.

    Attributes:
        notes: messages: why notifications do not help here, and what would.
    """

    def __init__(self, root: str, *, notify: bool = True, mark: str = MARK, recursive: bool = True) -> None:
        self.notes: list[str] = []
        self._root = root
        self._mark = mark
        self._recursive = recursive
        self._trees: dict[str, _Tree] = {}
        self._touched: set[str] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._told: set[str] = set()
        self._untold: set[str] = set()
        self._silent: dict[str, int] = {}
        self._observer = self._start() if notify else None

    @property
    def notified(self) -> bool:
        """Whether notifications tell of all changes, so that polls only back them up."""
        return self._observer is not None and not self.notes

    def attend(self, links: Iterable[str] = ()) -> bool:
        """Be notified of the root and of these linked directories, where that is not so yet.

        Returns:
            Whether there are any that were not watched before: something may have changed in them.
        """
        if self._observer is None:
            return False
        observer = self._observer
        return sum(self._watch(observer, path) for path in (self._root, *links)) > 0

    def wait(self, timeout: float) -> set[str]:
        """Sleep until something may have changed, at most `timeout` seconds; return the paths that were touched."""
        self._news.wait(max(0.0, timeout))
        if self._touched:
            time.sleep(GATHER)
        with self._lock:
            self._news.clear()
            touched, self._touched = self._touched, set()
        self._told |= touched
        return touched

    def compare(self, grown: Iterable[str]) -> None:
        """Compare the files that a poll found grown with the notifications, and note where none come.

        Args:
            grown: paths of files that were known before the poll.
        """
        told, self._told = self._told, set()
        for path in self._untold:
            if not _is_told(path, told):
                directory = os.path.dirname(path)
                self._silent[directory] = self._silent.get(directory, 0) + 1
        for directory in {os.path.dirname(path) for path in told} & self._silent.keys():
            del self._silent[directory]
        self._untold = {path for path in grown if not _is_told(path, told)}
        silent = [directory for directory, polls in self._silent.items() if polls >= SILENT_POLLS]
        if silent and self.notified:
            self.notes.append(
                f"no notifications of changes arrive from {silent[0]} (a network file system, or the limit of inotify "
                "watches is reached: raise fs.inotify.max_user_watches): polling"
            )

    def wake(self) -> None:
        """End a `wait` now."""
        self._news.set()

    def close(self) -> None:
        """End the notifications. Closing twice is fine."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()

    def touch(self, path: str, is_directory: bool) -> None:
        """Take a notification; called by watchdog's thread."""
        if is_directory or self._mark in os.path.basename(path):
            with self._lock:
                self._touched.add(path)
            if not self._news.is_set():
                self._news.set()

    def _start(self) -> BaseObserver | None:
        logging.getLogger("watchdog").addHandler(logging.NullHandler())
        # watchdog warns where it must not read two directories
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
        try:
            from watchdog.observers import Observer

            observer = Observer()
            observer.start()
        except (OSError, ImportError) as error:
            self._add_note(error)
            return None
        return observer

    def _watch(self, observer: BaseObserver, path: str) -> bool:
        """Watch a directory and all below it; return whether it was not watched before."""
        tree = self._trees.get(path)
        try:
            status = os.stat(path)
        except OSError:  # not there (yet, or again)
            return False
        identity = (status.st_dev, status.st_ino)
        if tree and tree.identity == identity and not tree.gone:
            return False
        if tree:  # a link such as ``latest`` leads elsewhere, or a directory was replaced: no notification tells of it
            with contextlib.suppress(KeyError):
                observer.unschedule(tree.watch)
            del self._trees[path]
        if len(self._trees) > MOST_LINKS:
            return False
        tree = _Tree(self, path, identity)
        try:
            tree.begin(observer, self._recursive)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENOMEM) and not self.notes:
                self._add_note(error)
            return False  # gone or unreadable: the next poll will tell
        self._trees[path] = tree
        return True

    def _add_note(self, error: OSError | ImportError) -> None:
        limit = {errno.ENOSPC: "watches", errno.EMFILE: "instances"}.get(getattr(error, "errno", None) or 0)
        if limit:
            self.notes.append(f"the limit of inotify {limit} is reached (raise fs.inotify.max_user_{limit}): polling")
        else:
            self.notes.append(f"no notifications ({error}): polling")


class _Tree:
    """A directory that is watched with all below it, by its real path; notifications tell the path that is known."""

    watch: ObservedWatch

    def __init__(self, watcher: Watcher, path: str, identity: tuple[int, int]) -> None:
        self.identity = identity
        self.gone = False
        self._watcher = watcher
        self._path = path
        self._real = os.path.realpath(path)

    def begin(self, observer: BaseObserver, recursive: bool) -> None:
        """Be notified, of the kinds of events that matter: else our own reading would be told, too."""
        from watchdog import events

        kinds = [kind for name, kind in vars(events).items() if name in _KINDS]
        self.watch = observer.schedule(self, self._real, recursive=recursive, event_filter=kinds)  # type: ignore[arg-type]  # all it calls is dispatch

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take an event; called by watchdog's thread."""
        for place in (event.src_path, event.dest_path):
            path = os.fsdecode(place)
            if path == self._real:
                self.gone = self.gone or event.event_type == "deleted"
            if path:
                self._watcher.touch(self._path + path[len(self._real) :], event.is_directory)


_KINDS = (
    *("FileCreatedEvent", "FileModifiedEvent", "FileMovedEvent", "FileDeletedEvent"),
    *("DirCreatedEvent", "DirMovedEvent", "DirDeletedEvent"),
)


def _is_told(path: str, told: set[str]) -> bool:
    """Whether a notification named the file, or a directory that it is in."""
    while path not in told:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True
