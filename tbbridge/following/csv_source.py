"""The sources of ``tbbridge view PATH``: run logs as CSV files, or a log directory.

with open_source("logs-csv/") as source:       # a directory of run logs, one run log, or a log directory
    source.names()
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tbbridge.core.errors import FormatError, PathError
from tbbridge.core.growing_column import common_prefix
from tbbridge.core.model import ExperimentView, Points, RunLog
from tbbridge.following.bridge import Bridge
from tbbridge.following.subscribers import Subscribers
from tbbridge.reading.summary import SUMMARY_HEAD
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.shape.run_log import column_points
from tbbridge.shape.series import natural_key
from tbbridge.shape.summary import SummaryRow
from tbbridge.tail.logdir import MARK, check_root
from tbbridge.tail.storage import is_url
from tbbridge.tail.watch import Watcher, poll_seconds
from tbbridge.write.names import SUFFIX, SUMMARY, WIDE, experiment_name, file_name
from tbbridge.write.run_log_csv import read_run_log

POLL_INTERVAL = 2.0
"""Seconds between looks at all files; changes are notified where the system does that."""

LARGEST = 1 << 30
"""Bytes of a run log: some twenty million rows."""

REST = 20.0
"""After a look the reader rests this many times as long as it took: run logs are read whole."""


def open_source(
    path: str | os.PathLike[str],
    *,
    options: MappingOptions | None = None,
    poll_interval: float = POLL_INTERVAL,
    follow_links: bool = False,
) -> CsvSource | Bridge:
    """Open what there is to see at `path`, started; close it after use (or use it in a ``with`` block).

    A file whose name does not look like an event file's is a run log; a directory with run logs and no event file below
    it is a directory of run logs; any other directory, and any URL, is a log directory, of which nothing is published.

    Raises:
        PathError: `path` does not exist or cannot be read.
    """
    bridge = partial(Bridge, publish=False, options=options, poll_interval=poll_interval, follow_links=follow_links)
    if is_url(path):
        return bridge(path).start()
    where = Path(path)
    if not os.fspath(path) or not os.path.exists(where):
        check_root(path)
        raise PathError(f"{path} does not exist: give a run log (CSV), a directory of them, or a log directory")
    if (os.path.isfile(where) and MARK not in where.name) or (os.path.isdir(where) and _holds_run_logs(where)):
        return CsvSource(where, poll_interval=poll_interval).start()
    return bridge(where).start()


def _holds_run_logs(directory: Path) -> bool:
    found = False
    for _, _, files in os.walk(directory):
        if any(MARK in name for name in files):
            return False
        found = found or any(name.endswith(SUFFIX) for name in files)
    return found


@dataclass(slots=True)
class _File:
    """One run log as it was last read."""

    stamp: tuple[int, ...]
    data: bytes = b""
    view: ExperimentView | None = None
    problem: str = ""


class CsvSource:
    """Run logs as CSV files: one, or those below a directory; followed while they change. A `tbbridge.Source`.

    Raises:
        PathError: a single file cannot be read.
        FormatError: a single file is no run log.
    """

    def __init__(self, path: str | os.PathLike[str], *, poll_interval: float = POLL_INTERVAL) -> None:
        self.path = Path(path)
        self.title = experiment_name(self.path.name)
        self.tensorboard_url: str | None = None
        self._poll_interval = poll_seconds(poll_interval)
        self._files: dict[str, _File] = {}
        self._missing = False
        self._died = ""
        self._generation = 0
        self._subscribers = Subscribers()
        is_directory = os.path.isdir(self.path)
        root = str(self.path if is_directory else self.path.parent)
        self._watcher = Watcher(root, mark=SUFFIX if is_directory else self.path.name, recursive=is_directory)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tbbridge run logs", daemon=True)
        if os.path.isfile(self.path):
            self._look()
            self._refuse()

    def names(self) -> list[str]:
        """The experiments, in natural order."""
        return sorted([name for name, file in list(self._files.items()) if file.view], key=natural_key)

    def view(self, name: str) -> ExperimentView | None:
        """The named experiment now; None when there is no such experiment."""
        file = self._files.get(name)
        return file.view if file else None

    def csv(self, name: str) -> bytes | None:
        """The named experiment's file."""
        file = self._files.get(name)
        return file.data if file and file.view else None

    def status(self) -> list[str]:
        """Return messages about problems; empty when all is well."""
        lines = [self._died] if self._died else []
        if self._missing:
            lines.append(f"waiting for {self.path}: it does not exist")
        lines += self._watcher.notes
        return lines + [file.problem for file in list(self._files.values()) if file.problem]

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` from the reader's thread after every change; returns the function that ends it."""
        return self._subscribers.add(callback)

    def start(self) -> CsvSource:
        """Start following the files; returns itself. Starting twice is fine."""
        if self._thread.ident is None:
            self._look()
            self._thread.start()
        return self

    def close(self) -> None:
        """End the thread. Closing twice is fine."""
        self._stopping.set()
        self._watcher.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._watcher.close()

    def __enter__(self) -> CsvSource:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse(self) -> None:
        problem = next((file.problem for file in self._files.values() if file.problem), "")
        if problem:
            self._watcher.close()
            raise FormatError(problem) if self._files and os.access(self.path, os.R_OK) else PathError(problem)

    def _run(self) -> None:
        poll_at = 0.0
        while not self._stopping.is_set():
            if not self._watcher.wait(poll_at - time.monotonic()) and time.monotonic() < poll_at:
                continue
            began = time.thread_time()
            try:
                changed, self._died = self._look(), ""
            except Exception as error:  # a bug: say so, and go on
                changed, self._died = True, f"reading the run logs stopped: {type(error).__name__}: {error}"
            if changed:
                self._subscribers.tell()
            poll_at = time.monotonic() + self._poll_interval
            self._stopping.wait(min(1.0, REST * (time.thread_time() - began)))

    def _look(self) -> bool:
        """Read what changed; returns whether anything did."""
        self._watcher.attend()
        found = dict(self._find())
        self._missing = not os.path.exists(self.path)
        lost = [name for name in self._files if name not in found]
        for name in lost:
            del self._files[name]
        changed = [name for name, path in found.items() if self._read(name, path)]
        return bool(lost or changed)

    def _find(self) -> Iterator[tuple[str, str]]:
        """The experiments and their files."""
        if not os.path.isdir(self.path):
            if os.path.exists(self.path):
                yield self.title, str(self.path)
            return
        for directory, _, files in os.walk(self.path):
            for file in files:
                path = os.path.join(directory, file)
                if file.endswith(SUFFIX) and not _is_wide(path):
                    yield experiment_name(os.path.relpath(path, self.path)), path

    def _read(self, name: str, path: str) -> bool:
        old = self._files.get(name)
        try:
            status = os.stat(path)
            stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if old and old.stamp == stamp:
                return False
            data = _content(path)
        except OSError as error:
            self._files[name] = _File((), problem=f"cannot read {path}: {error.strerror or error}")
            return old is None or old.problem != self._files[name].problem
        try:
            view = self._view(read_run_log(data, name), old.view if old else None)
            self._files[name] = _File(stamp, data, view)
        except FormatError as error:
            is_summary = path == os.path.join(self.path, file_name(SUMMARY)) and data.startswith(SUMMARY_HEAD)
            self._files[name] = _File(stamp, data, problem="" if is_summary else error.message)
        return True

    def _view(self, log: RunLog, old: ExperimentView | None) -> ExperimentView:
        columns = {name: column_points(log, name) for name in log.columns}
        if old and list(old.columns) == list(columns) and all(map(_goes_on, old.columns.values(), columns.values())):
            generation = old.generation
        else:
            generation = self._generation = self._generation + 1
        return ExperimentView(log.name, generation, columns, summary=SummaryRow(columns), state="static")


def _content(path: str) -> bytes:
    """Return the bytes of a regular file; nothing else is opened to be read, and nothing waits for a writer.

    Raises:
        OSError: it is another kind of file, larger than `LARGEST`, or cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("it is no regular file")
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        data = b"" if status.st_size > LARGEST else file.read(LARGEST + 1)
    if status.st_size > LARGEST or len(data) > LARGEST:
        raise OSError(f"it is larger than {LARGEST >> 20} MiB, which no run log here may be")
    return data


def _is_wide(path: str) -> bool:
    """Whether a file is a wide table, which stands beside a run log."""
    if not path.endswith(WIDE + SUFFIX) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(9) == b"run,step,"
    except OSError:
        return False


def _goes_on(old: Points, new: Points) -> bool:
    return common_prefix(old, new) == len(old.step)
