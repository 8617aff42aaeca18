"""Files with an event file's name that are none are told as such, and are no damage; damaged event files still are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import write_run

from tbbridge.core.model import EventFile
from tbbridge.decode import Decoder
from tbbridge.decode.foreign import HEAD, foreign

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
HTML = b"<!DOCTYPE html>\n<html><body>404: not found</body></html>\n"


def decoded(data: bytes, piece: int = 1 << 20) -> EventFile:
    decoder = Decoder("x")
    for start in range(0, len(data), piece):
        decoder.feed(data[start : start + piece])
    decoder.settle(len(data))
    return decoder.log


@pytest.mark.parametrize("piece", [1, 7, 5000])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (POINTER, "a Git LFS pointer (git lfs pull fetches the file itself)"),
        (HTML, "text"),
        (b"size: 3\n", "text"),
        (b"[ZoneTransfer]\r\nZoneId=3\r\n", "text"),
        ("outs:\n- md5: ä\n".encode() * 200, "text"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(200), "attributes that macOS keeps beside a file"),
    ],
)
def test_what_other_programs_keep_is_named(data: bytes, what: str, piece: int) -> None:
    """However its bytes come, at any length: no damage, no record."""
    file = decoded(data, piece)
    assert (file.foreign, file.damage, file.records) == (what, [], 0)


def test_a_damaged_event_file_stays_one(tmp_path: Path) -> None:
    """Where any record is intact, where its bytes are no text, and where text was appended."""
    data = write_run(tmp_path, loss=[(step, step) for step in range(20)]).read_bytes()
    for damaged in (HTML + data, data + HTML, bytes(byte ^ 1 for byte in data), bytes(3000)):
        file = decoded(damaged)
        assert (file.foreign, bool(file.damage)) == ("", True)


@given(st.text(min_size=8, alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_every_text_is_text(text: str) -> None:
    """Also where the bytes that are looked at end inside a character."""
    data = (text.encode() * HEAD)[: max(HEAD, len(text.encode()))]
    assert foreign(data[:HEAD]) == "text"


def test_binary_bytes_are_not_judged() -> None:
    """Neither a record's header nor Latin-1."""
    assert foreign(b"") == foreign(b"(") == ""
    assert foreign(b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22") == ""
    assert foreign("für".encode("latin-1")) == ""
