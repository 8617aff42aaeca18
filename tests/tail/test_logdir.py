"""Which runs and event files exist below a log directory."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tbbridge.core.errors import PathError
from tbbridge.tail.logdir import check_root, discover, is_event_file, printable, run_name, unfollowed


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names(root: Path, **options: bool) -> dict[str, list[str]]:
    return {run: [file.name for file in files] for run, files in discover(root, **options).runs.items()}


def test_a_run_is_a_directory_with_event_files(tmp_path: Path) -> None:
    """Its name is its path below the root, ``.`` for the root; other files and empty directories are no runs."""
    touch(tmp_path, "a.tfevents.1", "exp/train/events.out.tfevents.2", "exp/notes.txt", "exp/train/model.h5")
    (tmp_path / "empty").mkdir()
    assert names(tmp_path) == {".": ["a.tfevents.1"], "exp/train": ["exp/train/events.out.tfevents.2"]}


def test_a_missing_root_is_said_to_be_missing(tmp_path: Path) -> None:
    """That is no problem: it may appear later."""
    listing = discover(tmp_path / "later")
    assert listing.missing
    assert not listing.problems


def test_one_event_file_may_be_given_as_the_root(tmp_path: Path) -> None:
    """It is the run ``.`` then."""
    touch(tmp_path, "events.out.tfevents.1")
    assert names(tmp_path / "events.out.tfevents.1") == {".": ["events.out.tfevents.1"]}


def test_another_file_as_the_root_is_refused(tmp_path: Path) -> None:
    """The error names the file and what to give instead."""
    touch(tmp_path, "notes.txt")
    with pytest.raises(PathError, match=r"notes\.txt is neither a directory nor an event file: give the directory"):
        discover(tmp_path / "notes.txt")


def test_a_root_that_must_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, when nothing else can be done; later it is a problem that may end."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PathError, match=r"cannot be read \(permission denied\): change its permissions"):
        check_root(tmp_path)
    check_root(tmp_path / "nothing yet")


def test_what_only_looks_like_an_event_file_is_none(tmp_path: Path) -> None:
    """FIFOs, sockets, directories and dangling links with an event file's name are passed over, and not opened."""
    os.mkfifo(tmp_path / "fifo.tfevents")
    (tmp_path / "directory.tfevents").mkdir()
    (tmp_path / "link.tfevents").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.tfevents"))
        touch(tmp_path, "real.tfevents")
        assert names(tmp_path) == {".": ["real.tfevents"]}


def test_links_to_directories_are_followed_on_request_and_once(tmp_path: Path) -> None:
    """By default a loop, or a link out of the root, is not entered; with `follow_links` each directory counts once."""
    touch(tmp_path, "logs/run/a.tfevents", "elsewhere/b.tfevents")
    (tmp_path / "logs/loop").symlink_to(tmp_path / "logs")
    (tmp_path / "logs/out").symlink_to(tmp_path / "elsewhere")
    assert list(names(tmp_path / "logs")) == ["run"]
    assert list(names(tmp_path / "logs", follow_links=True)) == ["out", "run"]


def test_a_link_that_is_named_like_an_event_file_is_not_entered_either(tmp_path: Path) -> None:
    """Also when a notification leads to it, and not the listing of the directory in which it lies."""
    touch(tmp_path, "elsewhere/b.tfevents")
    (tmp_path / "logs").mkdir()
    link = tmp_path / "logs/link.tfevents"
    link.symlink_to(tmp_path / "elsewhere")
    assert discover(tmp_path / "logs", below=str(link)).runs == {}
    assert list(discover(tmp_path / "logs", below=str(link), follow_links=True).runs) == ["link.tfevents"]


def test_a_link_to_an_event_file_is_an_event_file(tmp_path: Path) -> None:
    """Only links to directories can loop."""
    touch(tmp_path, "elsewhere/b.tfevents")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/b.tfevents").symlink_to(tmp_path / "elsewhere/b.tfevents")
    assert names(tmp_path / "logs") == {".": ["b.tfevents"]}


def test_an_unreadable_directory_is_reported_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are listed; what it holds is unknown, not gone."""
    touch(tmp_path, "closed/a.tfevents", "open/b.tfevents")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = discover(tmp_path)
    assert list(listing.runs) == ["open"]
    assert listing.unreadable == [str(tmp_path / "closed")]
    assert listing.problems == [f"cannot list {tmp_path / 'closed'}: Permission denied"]


def test_only_one_directory_can_be_listed(tmp_path: Path) -> None:
    """Run names stay relative to the root."""
    touch(tmp_path, "a/b/x.tfevents", "c/y.tfevents")
    listing = discover(tmp_path, below=str(tmp_path / "a"))
    assert list(listing.runs) == ["a/b"]


def test_names_that_are_not_utf8_become_text_without_colliding(tmp_path: Path) -> None:
    r"""A byte that is not UTF-8 is ``\xNN``; a name that holds these four characters is told apart from it."""
    (tmp_path / os.fsdecode(b"run\xff")).mkdir()
    (tmp_path / r"run\xff").mkdir()
    for directory in list(tmp_path.iterdir()):
        touch(directory, "a.tfevents")
    runs = list(discover(tmp_path).runs)
    assert sorted(runs) == [r"run\x5cxff", r"run\xff"]
    assert all(run.encode() for run in runs)


def test_the_name_of_a_run_is_its_path() -> None:
    """Nothing else in it is changed."""
    assert run_name("/logs", "/logs/a b/\N{GREEK SMALL LETTER ALPHA}") == "a b/\N{GREEK SMALL LETTER ALPHA}"
    assert run_name("/logs", "/logs") == "."
    assert printable("100%\n") == "100%\n"


@pytest.mark.parametrize("beside", [True, False])
def test_a_copy_that_rsync_is_sending_is_not_read_beside_the_real_file(tmp_path: Path, beside: bool) -> None:
    """Its points would count twice; alone it is all that there is."""
    copy, real = tmp_path / ".events.out.tfevents.1.host.x9Yz0A", tmp_path / "events.out.tfevents.1.host"
    copy.write_bytes(b"")
    if beside:
        real.write_bytes(b"")
    expected = real if beside else copy
    assert [file.path for file in discover(tmp_path).runs["."]] == [str(expected)]
    assert is_event_file(str(copy)) is not beside


@pytest.mark.parametrize("form", [".{}.a", "{}.part", "{}.1a2b3c4d.partial", "{}~"])
def test_a_copy_that_is_the_beginning_of_the_file_beside_it_is_not_read(tmp_path: Path, form: str) -> None:
    """WinSCP, rclone and browsers name so what they fetch; a file that begins otherwise, or has more, is a file."""
    real = tmp_path / "events.out.tfevents.1.host"
    copy = tmp_path / form.format(real.name)
    real.write_bytes(bytes(range(200)))
    for content, read in ((bytes(range(100)), False), (bytes(100), True), (bytes(range(201)), True)):
        copy.write_bytes(content)
        assert sorted(file.path for file in discover(tmp_path).runs["."]) == sorted([str(real), *[str(copy)] * read])
        assert is_event_file(str(copy)) is read
        assert is_event_file(str(real))


def test_linked_directories_are_listed_whether_they_are_followed_or_not(tmp_path: Path) -> None:
    """One message names those that lead out of the log directory; a link such as ``latest`` hides nothing."""
    logs = tmp_path / "logs"
    for name in ("logs/run", "far/a", "far/b", "far/c", "far/d"):
        (tmp_path / name).mkdir(parents=True)
    (logs / "latest").symlink_to("run")
    assert discover(logs).links == [str(logs / "latest")]
    assert unfollowed(str(logs), discover(logs).links) == ""
    (logs / "a").symlink_to(tmp_path / "far/a")
    message = unfollowed(str(logs), discover(logs).links)
    assert message == "1 linked directory is not followed (a): --follow-links reads it, too"
    for name in "bcd":
        (logs / name).symlink_to(tmp_path / "far" / name)
    assert sorted(discover(logs, follow_links=True).links) == [
        str(logs / name) for name in ("a", "b", "c", "d", "latest")
    ]
    assert unfollowed(str(logs), sorted(discover(logs).links)) == (
        "4 linked directories are not followed (a, b, c and 1 more): --follow-links reads them, too"
    )
