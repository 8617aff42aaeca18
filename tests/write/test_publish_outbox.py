"""When files are published: at once where it is cheap, spaced where it is not, again where it failed."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tbbridge.core.errors import PublishError
from tbbridge.write import outbox as room
from tbbridge.write.atomic import SMALL
from tbbridge.write.names import SUMMARY
from tbbridge.write.outbox import Outbox
from tbbridge.write.publish import Publisher


class Scripted:
    """An outbox whose time, contents and costs a test sets."""

    def __init__(self, out: Path) -> None:
        self.now = 0.0
        self.cost = 0.0
        self.spent = 0.0
        self.data: dict[str, bytes] = {}
        self.publisher = Publisher(out)
        self.outbox = Outbox(self.publisher, self.render, lambda: self.now)

    def render(self, name: str, published: bytes | None) -> bytes | None:
        self.spent += self.cost
        return self.data.get(name)


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted(tmp_path)
    monkeypatch.setattr(room.time, "thread_time", lambda: scripted.spent)
    return scripted


def test_a_change_is_published_once(one: Scripted, tmp_path: Path) -> None:
    """And nothing is due before the next change."""
    one.data["a"] = b"1"
    one.outbox.put(["a"])
    assert one.outbox.due() == 0.0
    assert one.outbox.send() == ["a"]
    assert (tmp_path / "a.csv").read_bytes() == b"1"
    assert one.outbox.due() is None
    assert one.outbox.send() == []


def test_publishing_takes_a_twentieth_of_the_time(one: Scripted) -> None:
    """After one that cost 0.1 s of the processor the next comes 2 s later; what changed meanwhile goes with it."""
    one.data["a"], one.cost = b"1", 0.1
    one.outbox.put(["a"])
    one.outbox.send()
    one.data["a"] = b"2"
    one.outbox.put(["a"])
    assert one.outbox.due() == pytest.approx(room.SPACING * 0.1)
    one.now = 1.9
    assert one.outbox.send() == []
    one.now = 2.1
    assert one.outbox.send() == ["a"]


def test_the_summary_takes_a_four_hundredth_of_the_time(one: Scripted) -> None:
    """However much a version costs; but the first, which computes every row, is followed by the next at once."""
    one.data[SUMMARY], one.cost = b"1", 0.5
    waits = []
    for _ in range(3):
        one.outbox.put([SUMMARY])
        due = one.outbox.due()
        assert due is not None
        waits.append(due - one.now)
        one.now = due
        assert one.outbox.send() == [SUMMARY]
    assert waits == pytest.approx([0.0, 0.0, 200.0])


def test_everything_goes_out_at_the_end(one: Scripted) -> None:
    """However soon that is."""
    one.data["a"], one.cost = b"1", 0.1
    one.outbox.put(["a"])
    one.outbox.send()
    one.outbox.put(["a"])
    assert one.outbox.send(everything=True) == ["a"]


def test_a_failure_is_told_and_tried_again(one: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing pauses; the others are not kept waiting, and the line goes when it succeeds."""
    one.data = {"a": b"1", "b": b"1"}
    publish_all = one.publisher.publish_all

    def fail(texts: Mapping[str, bytes]) -> dict[str, Path | PublishError]:
        written = publish_all({name: data for name, data in texts.items() if name != "a"})
        return {"a": PublishError("cannot write a: No space left on device"), **written}

    monkeypatch.setattr(one.publisher, "publish_all", fail)
    one.outbox.put(["a", "b"])
    assert one.outbox.send() == ["b"]
    assert one.outbox.problems == ["cannot write a: No space left on device"]
    assert one.outbox.due() == room.RETRY_FIRST
    one.now = room.RETRY_FIRST
    assert one.outbox.send() == []
    assert one.outbox.due() == one.now + 2 * room.RETRY_FIRST
    monkeypatch.setattr(one.publisher, "publish_all", publish_all)
    one.now = 100.0
    assert one.outbox.send() == ["a"]
    assert one.outbox.problems == []


def test_a_bug_in_one_table_stops_no_other(one: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and tried again."""
    render = one.render

    def fail(name: str, published: bytes | None) -> bytes | None:
        if name == "a":
            raise KeyError("x")
        return render(name, published)

    one.data = {"b": b"1"}
    monkeypatch.setattr(one.outbox, "_render", fail)
    one.outbox.put(["a", "b"])
    assert one.outbox.send() == ["b"]
    assert one.outbox.problems == ["cannot write a: KeyError: 'x'"]


def test_many_files_go_out_side_by_side(tmp_path: Path) -> None:
    """All of them, and no temporary file is left."""
    out = tmp_path / "out"
    with Publisher(out) as publisher:
        outbox = Outbox(publisher, lambda name, published: name.encode(), time.monotonic)
        names = [f"{number % 10}/{number}" for number in range(200)]
        outbox.put(names)
        assert sorted(outbox.send()) == sorted(names)
    assert sorted(path.read_text() for path in out.rglob("*.csv")) == sorted(names)
    assert sum(len(files) for _, _, files in os.walk(out)) == 200


def test_files_that_go_together_wait_each_for_its_own_cost(
    one: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small ones and a large one: what took 0.1 s of the processor is free 2 s later, the others at once."""
    data = {"small": b"1", "slow": b"2", "large": b"3" * SMALL, "last": b"4"}

    def render(name: str, published: bytes | None) -> bytes:
        one.spent += 0.1 if name == "slow" else 0.0
        return data[name]

    monkeypatch.setattr(one.outbox, "_render", render)
    one.outbox.put(list(data))
    assert sorted(one.outbox.send()) == sorted(data)
    assert {name: (tmp_path / f"{name}.csv").read_bytes() for name in data} == data
    assert [name for name in data if not one.outbox.is_free(name)] == ["slow"]
    one.now = 2.0
    assert one.outbox.is_free("slow")


def test_texts_are_written_before_many_bytes_of_them_wait(
    one: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the run logs of a large log directory would be in memory all at a time."""
    data = {"a": b"12", "b": b"34", "c": b"5"}
    there: list[list[str]] = []

    def render(name: str, published: bytes | None) -> bytes:
        there.append(sorted(path.name for path in tmp_path.iterdir()))
        return data[name]

    monkeypatch.setattr(one.outbox, "_render", render)
    monkeypatch.setattr(room, "MOST_BYTES", 3)
    one.outbox.put(list(data))
    assert one.outbox.send() == ["a", "b", "c"]
    assert there == [[], [], ["a.csv", "b.csv"]]


def test_names_that_case_alone_tells_apart_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a file of its own under its last name, where case does not matter."""
    monkeypatch.setattr("tbbridge.write.publish.case_matters", lambda directory: False)
    names = ["a", "A", "b"]
    with Publisher(tmp_path) as publisher:
        outbox = Outbox(publisher, lambda name, published: name.encode(), time.monotonic)
        outbox.put(names)
        assert outbox.send() == names
        assert [publisher.path(name).read_text() for name in names] == names
        assert publisher.changed_by_others() == []
    assert len(list(tmp_path.glob("*.csv"))) == len(names)


def test_what_others_changed_is_put_again(one: Scripted, tmp_path: Path) -> None:
    """Once: until it is published it is not told again."""
    one.data["a"] = b"1"
    one.outbox.put(["a"])
    one.outbox.send()
    (tmp_path / "a.csv").write_bytes(b"mine")
    assert one.outbox.notice_others() == ["a"]
    assert one.outbox.notice_others() == []
    one.now = 10.0
    one.outbox.send()
    assert (tmp_path / "a.csv").read_bytes() == b"1"


def test_another_thread_may_ask_for_the_problems(one: Scripted) -> None:
    """While files come: the terminal's thread does, ten thousand experiments or not."""
    names = [str(number) for number in range(30_000)]
    thread = threading.Thread(target=one.outbox.put, args=(names,))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        while thread.is_alive():
            assert one.outbox.problems == []
    finally:
        sys.setswitchinterval(before)
        thread.join()
    assert one.outbox.due() is not None
