"""Lists the runs and event files below a log directory: by names only, except where one may be a copy of another."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tbbridge.core.errors import PathError

MARK = "tfevents"
"""TensorBoard's own test for an event file: the name contains this."""


_MOST_LINKS = 3
"""Linked directories that a message names; more are counted."""

_COPY = re.compile(r"\.(.+)\.[A-Za-z0-9]{6}")
"""rsync's name for a file that it is sending, in the directory of the old one (its receiver.c, get_tmpname)."""

_BEGINNING = 4096
"""Bytes at the start of two files that are compared: they hold some wall times, which no two writers have in common."""


class EventPath(NamedTuple):
    """An event file's path, and its name below the log directory."""

    path: str
    name: str


@dataclass(slots=True)
class Listing:
    """The files below a log directory (or below one directory of it) at one moment."""

    runs: dict[str, list[EventPath]] = field(default_factory=dict)
    """By run name; the files of a run by name."""
    directories: list[str] = field(default_factory=list)
    """Paths of the directories that were listed."""
    links: list[str] = field(default_factory=list)
    """Paths of the links to directories, whether they were followed or not."""
    unreadable: list[str] = field(default_factory=list)
    """Paths of directories that exist and could not be listed: their contents are unknown."""
    problems: list[str] = field(default_factory=list)
    """Messages."""
    missing: bool = False
    """True when the directory to list does not exist (yet)."""


def discover(root: str | os.PathLike[str], *, below: str | None = None, follow_links: bool = False) -> Listing:
    """List the runs and event files under `root`, or only those under its directory `below` (none where it is a link).

    Links to files count as files; links to directories are followed only with `follow_links`, each directory once.
    FIFOs, sockets, devices and directories with an event file's name are no event files. A directory that cannot be
    listed is reported and never stops the others. `root` may also be one event file; it is then the run ``.``.

    Raises:
        PathError: see `check_root`.
    """
    listing = Listing()
    for _ in walk(root, listing, below=below, follow_links=follow_links):
        pass
    return listing


def walk(
    root: str | os.PathLike[str], listing: Listing, *, below: str | None = None, follow_links: bool = False
) -> Iterator[None]:
    """`discover` step by step: one directory each fills the listing, which holds all of them in the end."""
    top = os.fspath(root)
    if below is None and os.path.isfile(top):
        check_root(top)
        listing.runs["."] = [event_path(".", top)]
    seen: set[tuple[int, int]] = set()
    stack = [] if listing.runs else [top if below is None else below]
    if below is not None and not follow_links and os.path.islink(below):
        stack = []
    while stack:
        stack.extend(_list_directory(top, stack.pop(), listing, seen if follow_links else None))
        yield
    listing.missing = not (listing.runs or listing.directories or listing.unreadable)


def check_root(root: str | os.PathLike[str]) -> None:
    """Refuse a path that can never be a log directory.

    Raises:
        PathError: `root` is there and is neither a directory nor an event file, or must not be read.
    """
    path = os.fspath(root)
    if not path:
        raise PathError("the log directory has no name: give its path (. for this directory)")
    try:
        status = os.stat(path)
        refused = not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(status.st_mode) else 0))
    except PermissionError:  # a directory above it must not be searched
        refused = True
    except OSError:
        return
    if refused:
        raise PathError(f"{path} cannot be read (permission denied): change its permissions, or be another user")
    if not stat.S_ISDIR(status.st_mode) and not is_event_file(path):
        raise PathError(f"{path} is neither a directory nor an event file: give the directory that holds event files")


def run_name(root: str, directory: str) -> str:
    """The name of the run that `directory` holds: its path below `root`, ``.`` for `root` itself."""
    if directory == root:
        return "."
    start = os.path.join(root, "")
    below = directory[len(start) :] if directory.startswith(start) else os.path.relpath(directory, root)
    return printable(below.replace(os.sep, "/"))


def event_path(run: str, path: str) -> EventPath:
    """The event file at `path`, which lies in the directory of `run`."""
    name = printable(os.path.basename(path))
    return EventPath(path, name if run == "." else f"{run}/{name}")


def unfollowed(root: str, links: Sequence[str]) -> str:
    """Return the message about linked directories that are not followed; "" where there are none that matter.

    A link that leads to a directory below `root`, such as ``latest``, hides nothing.
    """
    inside = os.path.join(os.path.realpath(root), "")
    outside = [link for link in links if not os.path.join(os.path.realpath(link), "").startswith(inside)]
    if not outside:
        return ""
    names = [printable(os.path.relpath(link, root)) for link in outside[:_MOST_LINKS]]
    more = f" and {len(outside) - len(names)} more" if len(outside) > len(names) else ""
    one = len(outside) == 1
    what = "1 linked directory is" if one else f"{len(outside)} linked directories are"
    return f"{what} not followed ({', '.join(names)}{more}): --follow-links reads {'it' if one else 'them'}, too"


def printable(name: str) -> str:
    r"""A file system's name as text that every encoding can carry, without two names becoming one.

    A byte that is not UTF-8 becomes the four characters ``\xNN``; a name that already holds such four characters gets
    its backslash written as ``\x5c``.
    """
    if name.isascii() and "\\x" not in name:
        return name
    literal = re.sub(r"\\(?=x[0-9a-f]{2})", r"\\x5c", name)
    return re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", literal)


def is_event_file(path: str) -> bool:
    """Whether `path` is a regular file (or a link to one) with an event file's name, and no copy that is being sent."""
    name = os.path.basename(path)
    if MARK not in name:
        return False
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
    except OSError:
        return False
    directory = os.path.dirname(path)
    beside = {base for base in _originals(name) if os.path.isfile(os.path.join(directory, base))}
    return not _is_copy(directory, name, beside)


def sent_file(name: str) -> str:
    """Return the name of the file whose copy has this name while rsync sends it; "" where it is no such name."""
    copy = _COPY.fullmatch(name)
    return copy[1] if copy else ""


def _is_copy(directory: str, name: str, beside: Container[str]) -> bool:
    """Whether a file is the temporary copy of one `beside` it: by rsync's name, or by another's and its beginning."""
    if sent_file(name) in beside:
        return True
    path = os.path.join(directory, name)
    return any(base in beside and _begins_like(path, os.path.join(directory, base)) for base in _originals(name))


def _originals(name: str) -> list[str]:
    """Return the names of which a copy may be ``.NAME.x9Yz0A``, ``NAME.part``, ``NAME.1a2b.partial`` or ``NAME~``."""
    visible = name.removeprefix(".")
    return [base for base in (visible.removesuffix("~"), *(visible.rsplit(".", n)[0] for n in (1, 2))) if base != name]


def _begins_like(copy: str, original: str) -> bool:
    try:
        with open(copy, "rb") as one, open(original, "rb") as other:
            size = os.fstat(one.fileno()).st_size
            if not 0 < size <= os.fstat(other.fileno()).st_size:
                return False
            return one.read(min(size, _BEGINNING)) == other.read(min(size, _BEGINNING))
    except OSError:
        return False


def is_below(root: str, path: str) -> bool:
    """Whether the event file at `path` is there now, and no link leads to its directory from `root`."""
    directory = os.path.dirname(path)
    own = os.path.join(os.path.realpath(root), os.path.relpath(directory, root))
    return is_event_file(path) and os.path.realpath(directory) == os.path.normpath(own)


def _list_directory(root: str, path: str, listing: Listing, seen: set[tuple[int, int]] | None) -> list[str]:
    """Add one directory's entries to the listing; return its subdirectories."""
    try:
        if seen is not None and not _is_new(path, seen):
            return []
        with os.scandir(path) as entries:
            files, directories, links = _sort_out(entries, seen is not None)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            listing.unreadable.append(path)
            listing.problems.append(f"cannot list {printable(path)}: {error.strerror}")
        return []
    listing.directories.append(path)
    start = os.path.join(path, "")
    listing.links += [start + name for name in links]
    if len(files) > 1:
        names = set(files)
        files = [name for name in files if not _is_copy(path, name, names)]
    if files:
        run = run_name(root, path)
        below = "" if run == "." else run + "/"
        listing.runs[run] = [EventPath(start + name, below + printable(name)) for name in sorted(files)]
    return [start + name for name in sorted(directories, reverse=True)]


def _is_new(path: str, seen: set[tuple[int, int]]) -> bool:
    status = os.stat(path)
    identity = (status.st_dev, status.st_ino)
    known = identity in seen
    seen.add(identity)
    return not known


def _sort_out(entries: Iterator[os.DirEntry[str]], follow_links: bool) -> tuple[list[str], list[str], list[str]]:
    """Return the names of the event files, of the directories to list, and of the links to directories."""
    files: list[str] = []
    directories: list[str] = []
    links: list[str] = []
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            elif MARK in entry.name and entry.is_file():
                files.append(entry.name)
            elif entry.is_symlink() and entry.is_dir():
                links.append(entry.name)
        except OSError:  # a link to nowhere, or gone since it was listed: the next look will tell
            continue
    return files, directories + links if follow_links else directories, links
