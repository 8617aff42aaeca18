"""``tbbridge check`` says what is damaged; ``tbbridge repair`` leaves it out, and TensorBoard reads the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from decode.story import VERSION, claim, image, scalar
from logs import write_run
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tbbridge.cli import main
from tbbridge.core.crc32c import frame
from tbbridge.following.follower import Follower
from tbbridge.watching.terminal import row

BROKEN = bytes([scalar(2)[0] ^ 1]) + scalar(2)[1:]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A run with one damaged file (records 1, image, 3 and 4 survive) and an unfinished tail."""
    path = tmp_path / "logs" / "run" / "events.out.tfevents.1"
    path.parent.mkdir(parents=True)
    odd = scalar(4, 1.0, b"bad\xfftag")
    pieces = [VERSION, scalar(1), BROKEN, image(50_000), frame(b"\x07"), scalar(3), odd, claim(99) + b"unfinished"]
    path.write_bytes(b"".join(pieces))
    return path


def test_check_tells_records_scalars_damage_and_tail(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON names each file with its counts and each damaged range; the exit code is 1."""
    assert main(["check", str(damaged.parents[1]), "--json"]) == 1
    (file,) = json.loads(capsys.readouterr().out)["files"]
    start = len(VERSION) + len(scalar(1))
    end = start + len(BROKEN)
    odd = end + len(image(50_000))
    assert file == {
        "path": str(damaged),
        "bytes": damaged.stat().st_size,
        "records": 5,
        "scalars": 3,
        "incomplete_tail": 22,
        "damage": [
            {"start": start, "end": end, "reason": "wrong length checksum"},
            {"start": odd, "end": odd + 17, "reason": "no readable event"},
        ],
        "passed_over": {},
    }


def test_check_says_it_in_words(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a file, a line a finding."""
    assert main(["check", str(damaged)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "5 records, 3 scalars" in lines[0]
    assert len(lines) == 4


def test_check_of_sound_files_is_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing damaged is exit code 0: an unfinished tail is normal; a directory without event files is a wrong path."""
    (tmp_path / "x.tfevents").write_bytes(VERSION + scalar(1) + scalar(2)[:9])
    assert main(["check", str(tmp_path)]) == 0
    assert "unfinished record of 9 bytes" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["check", str(tmp_path / "empty")]) == 2
    assert capsys.readouterr().err.endswith("empty holds no event files: give the log directory\n")


@pytest.mark.parametrize("command", [["check"], ["inspect"], ["export", "--out", "-"]])
def test_what_is_left_out_is_told_and_no_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """A Git LFS pointer, a file beside an event file and a linked run: a line each, exit code 0."""
    logs, pointer = tmp_path / "logs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    for place, data in (("logs/a/1.tfevents", VERSION + scalar(1)), ("far/2.tfevents", VERSION + scalar(2))):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(data)
    (logs / "a/1.tfevents.meta").write_text("size: 3\n")
    (logs / "a/3.tfevents").write_text(pointer)
    (logs / "b").symlink_to(tmp_path / "far")
    assert main([command[0], str(logs), *command[1:]]) == 0
    told = "\n".join(capsys.readouterr())
    assert "a/1.tfevents.meta" in told
    assert "not an event file, but text" in told
    assert told.count("git lfs pull") == 1
    assert "1 linked directory is not followed (b): --follow-links reads it, too" in told
    assert "could not be used" not in told
    assert main([command[0], str(logs), *command[1:], "--follow-links"]) == 0
    assert "linked" not in "".join(capsys.readouterr())


def test_where_there_is_only_text_nothing_is_awaited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An experiment of Git LFS pointers alone: what they are, and not that a writer may keep points back; live, too."""
    (tmp_path / "logs/a").mkdir(parents=True)
    (tmp_path / "logs/a/1.tfevents").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    what = "a Git LFS pointer (git lfs pull fetches the file itself)"
    line = f"a/1.tfevents is not an event file, but {what}"
    for command in ("export", "inspect"):
        assert main([command, str(tmp_path / "logs")]) == 0
        assert [text for text in capsys.readouterr().err.splitlines() if text[:1] != "/"] == [f"tbbridge: {line}"]
    follower = Follower(tmp_path / "logs")
    follower.poll()
    assert follower.tables.by_name["a"].view.notes == [line]
    assert row(follower.tables.by_name["a"].view, None).state == f"no event file, but {what}"
    write_run(tmp_path / "logs/a", val_loss=[(1, 0.5)])
    follower.poll()
    assert follower.tables.by_name["a"].view.notes[0] == line
    assert row(follower.tables.by_name["a"].view, None).state == ""


@pytest.mark.parametrize("command", [["check"], ["repair", "-o", "new.tfevents"]])
def test_a_missing_path_is_one_clear_line(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, one line, nothing written."""
    monkeypatch.chdir(tmp_path)
    assert main([*command, str(tmp_path / "nowhere")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    damaged: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told with its reason, the others are checked."""
    other = damaged.with_name("events.out.tfevents.2")
    other.write_bytes(VERSION)
    really = os.open

    def refuse(path: str, *rest: int, **more: int) -> int:
        if str(path) == str(damaged):
            raise PermissionError(13, "Permission denied")
        return really(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert main(["check", str(damaged.parents[1]), "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert first["problem"] == "cannot be read: Permission denied"
    assert (second["records"], "problem" in second) == (1, False)


def test_repair_keeps_all_that_is_intact(damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The new file is sound, TensorBoard reads it to the end, and the old one is as it was."""
    before, new = damaged.read_bytes(), tmp_path / "new.tfevents"
    assert main(["repair", str(damaged), "-o", str(new)]) == 0
    said = capsys.readouterr().out
    assert "5 records" in said
    assert "1 records had text that is no UTF-8" in said
    assert "1 records with right checksums left out" in said
    assert damaged.read_bytes() == before
    assert main(["check", str(new)]) == 0
    assert new.read_bytes().startswith(VERSION + scalar(1) + image(50_000) + scalar(3))
    events = list(EventFileLoader(str(new)).Load())
    assert [event.step for event in events] == [0, 1, 0, 3, 4]
    assert events[-1].summary.value[0].tag == "bad\\xfftag"


def test_repair_never_replaces_unasked(damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there stays, unless --force is given; the old file itself is always refused, by any name."""
    new = tmp_path / "new.tfevents"
    new.write_bytes(b"precious")
    assert main(["repair", str(damaged), "-o", str(new)]) == 2
    assert new.read_bytes() == b"precious"
    assert main(["repair", str(damaged), "-o", str(new), "--force"]) == 0
    alias = tmp_path / "alias.tfevents"
    alias.symlink_to(damaged)
    for name in (damaged, alias):
        assert main(["repair", str(damaged), "-o", str(name), "--force"]) == 2
        assert "the new file is the old one" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"nothing of the kind" * 9])
def test_nothing_intact_is_nothing_to_repair(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file is made of nothing: exit code 2."""
    (tmp_path / "old").write_bytes(content)
    assert main(["repair", str(tmp_path / "old"), "-o", str(tmp_path / "new")]) == 2
    assert "holds no intact record" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_no_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A directory or a pipe is named as such at once."""
    os.mkfifo(tmp_path / "pipe.tfevents")
    for path in (tmp_path, tmp_path / "pipe.tfevents"):
        assert main(["repair", str(path), "-o", str(tmp_path / "new")]) == 2
        assert "not a regular file" in capsys.readouterr().err


def test_an_image_with_a_wrong_checksum_is_left_out(tmp_path: Path) -> None:
    """Repair verifies what reading jumps over."""
    broken = bytearray(image(50_000))
    broken[30_000] ^= 1
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"".join([VERSION, scalar(1), broken, scalar(2)]))
    assert main(["repair", str(old), "-o", str(new)]) == 0
    assert new.read_bytes() == VERSION + scalar(1) + scalar(2)
