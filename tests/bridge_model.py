"""Writers, rotations, truncations, replacements, deletions, restarts of tbbridge and polls, in any order.

The model is `tbbridge.read`: after every look, each published file holds the bytes that a fresh export of the same
directory gives, and the files of experiments that are gone hold what they held; the conditions that are fulfilled are
those of a fresh export's layout ``events``.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tbbridge.core.crc32c import frame
from tbbridge.exporting.fulfilled import fulfilled
from tbbridge.exporting.layouts import tables
from tbbridge.exporting.options import ExportOptions
from tbbridge.following.follower import Follower
from tbbridge.reading.reading import read
from tbbridge.reading.summary import SummaryCsv
from tbbridge.shape.condition import Condition, Fulfilled
from tbbridge.write.csv_text import csv_chunks
from tbbridge.write.events import event, field, simple_value, summary
from tbbridge.write.names import SUMMARY, WIDE, file_name
from tbbridge.write.publish import Publisher
from tbbridge.write.run_log_csv import run_log_csv

RUNS = ("exp/train", "exp/validation", "solo", ".", "deep/er/run", "odd name\n%41")
TAGS = ("loss", "accuracy", "val_loss", "epoch", "reward")
CONDITIONS = (
    "val accuracy >= 9",
    "best val loss < 3",
    "gap accuracy > 0",
    "train loss no better for 3",
    "train accuracy rises for 2",
    "*:loss no better for 6 steps",
    "step >= 9",
)
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Memory, where there is some: thousands of sequences would wait for a disk."""


class Files:
    """The event files of a log directory, changed as writers and people change them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unfinished: dict[Path, bytes] = {}
        self._tick = 0

    def tick(self) -> int:
        """A number that was never there before: no two records are the same."""
        self._tick += 1
        return self._tick

    def existing(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*tfevents*") if path.is_file())

    def records(self, tag: str, first: int, count: int, stride: int = 1) -> bytes:
        """Records of one tag with ascending steps; wall times ascend over the whole life of the test."""
        out = io.BytesIO()
        for index in range(count):
            number = self.tick()
            out.write(frame(event(first + stride * index, 1000.0 + number, summary(simple_value(tag, number / 7)))))
        return out.getvalue()

    def create(self, run: str, name: str) -> Path:
        path = self.root / run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write(path, frame(event(0, 1000.0 + self.tick(), field(3, "brain.Event:2"))))
        return path

    def append(self, path: Path, data: bytes) -> None:
        with open(path, "ab") as file:
            file.write(self.unfinished.pop(path, b"") + data)

    def write(self, path: Path, data: bytes) -> None:
        """Replace the content in place, as ``>`` does."""
        path.write_bytes(data)
        self.touch(path)

    def touch(self, path: Path) -> None:
        """Time passes between what a test does within one tick of the file system's clock."""
        nanoseconds = 1_700_000_000_000_000_000 + self.tick() * 1_000_000_000
        os.utime(path, ns=(nanoseconds, nanoseconds))


class BridgeModel(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(dir=FAST))
        self.files = Files(self.top / "logs")
        self.out = self.top / "out"
        self.now = 0.0
        self.looked = False
        self.restarted = False
        self.flipped = False
        self.begin()

    def begin(self) -> None:
        self.publisher = Publisher(self.out, keep_out=self.files.root)
        conditions = [Condition(text) for text in CONDITIONS]
        self.follower = Follower(
            self.files.root,
            self.publisher,
            layouts=("compact", "wide"),
            conditions=conditions,
            clock=lambda: self.now,
        )
        self.parts: Iterator[set[str]] = iter(())

    def teardown(self) -> None:
        self.publisher.close()
        shutil.rmtree(self.top)

    @initialize(data=st.data())
    def first_file(self, data: st.DataObject) -> None:
        self.new_file(data.draw(st.sampled_from(RUNS)), 1)

    def pick(self, data: st.DataObject) -> Path:
        return data.draw(st.sampled_from(self.files.existing()))

    @rule(run=st.sampled_from(RUNS), number=st.integers(1, 12))
    def new_file(self, run: str, number: int) -> None:
        """Names need not come in order: 10 sorts after 9 as a number only."""
        path = self.files.root / run / f"events.out.tfevents.{number}.host"
        if not path.exists():
            self.files.create(run, path.name)

    @precondition(lambda self: self.files.existing())
    @rule(
        data=st.data(),
        tag=st.sampled_from(TAGS),
        first=st.integers(0, 30),
        count=st.integers(1, 5),
        stride=st.integers(-1, 3),
    )
    def append(self, data: st.DataObject, tag: str, first: int, count: int, stride: int) -> None:
        self.files.append(self.pick(data), self.files.records(tag, first, count, stride))

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data(), step=st.integers(0, 30))
    def announce_restart(self, data: st.DataObject, step: int) -> None:
        record = frame(event(step, 1000.0 + self.files.tick(), field(7, b"\x08\x01")))
        self.files.append(self.pick(data), record)

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data(), tag=st.sampled_from(TAGS), step=st.integers(0, 30))
    def append_a_part(self, data: st.DataObject, tag: str, step: int) -> None:
        """The rest comes with the next thing that is appended to the same file."""
        path = self.pick(data)
        record = self.files.records(tag, step, 1)
        cut = data.draw(st.integers(1, len(record) - 1))
        self.files.append(path, record[:cut])
        self.files.unfinished[path] = record[cut:]

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data())
    def append_garbage(self, data: st.DataObject) -> None:
        noise = data.draw(st.sampled_from([b"\0" * 64, b"noise", struct.pack("<Q", 1 << 46) + b"\1\2\3\4"]))
        self.files.append(
            self.pick(data), noise + struct.pack("<2Q", self.files.tick(), ~self.files.tick() % (1 << 64))
        )

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        path = self.pick(data)
        size = data.draw(st.integers(0, path.stat().st_size))
        os.truncate(path, size)
        self.files.unfinished.pop(path, None)
        self.files.touch(path)

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data(), tag=st.sampled_from(TAGS), count=st.integers(0, 9))
    def rewrite_in_place(self, data: st.DataObject, tag: str, count: int) -> None:
        """Cut to nothing and grown again, perhaps past its old end, before the next look."""
        self.files.write(self.pick(data), self.files.records(tag, 0, count))

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data(), keep=st.booleans())
    def replace(self, data: st.DataObject, keep: bool) -> None:
        """As rsync does: another file takes the name, with what was there and more, or with something else."""
        path = self.pick(data)
        other = path.with_name("copy")
        other.write_bytes((path.read_bytes() if keep else b"") + self.files.records("loss", 3, 2))
        os.replace(other, path)

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data())
    def flip_a_bit(self, data: st.DataObject) -> None:
        """Seen by its time stamp, or where the file grew as well since the last look, when it is read again."""
        path = self.pick(data)
        content = bytearray(path.read_bytes())
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            self.files.write(path, bytes(content))
            self.flipped = True

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data())
    def delete_file(self, data: st.DataObject) -> None:
        path = self.pick(data)
        path.unlink()
        self.files.unfinished.pop(path, None)

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data(), moved=st.booleans())
    def delete_or_move_run(self, data: st.DataObject, moved: bool) -> None:
        directory = self.pick(data).parent
        if directory == self.files.root:
            return
        self.files.unfinished.clear()
        target = self.files.root / f"moved{self.files.tick()}"
        if moved:
            directory.rename(target)
        else:
            shutil.rmtree(directory)

    @rule(edit=st.sampled_from(["delete", "append", "replace"]), data=st.data())
    def meddle_with_a_run_log(self, edit: str, data: st.DataObject) -> None:
        paths = sorted(self.out.rglob("*.csv"))
        if not paths:
            return
        path = data.draw(st.sampled_from(paths))
        if edit == "delete":
            path.unlink()
        elif edit == "append":
            path.write_bytes(path.read_bytes() + b"1,2\n")
        else:
            path.write_bytes(b"mine")

    @rule()
    def restart_tbbridge(self) -> None:
        """A new process knows nothing of what the last one followed, so what is gone for it stays as it lies there."""
        self.publisher.close()
        self.begin()
        self.restarted = True

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.files.existing())
    @rule(data=st.data())
    def glance(self, data: st.DataObject) -> None:
        """A notification of one place; what it tells may have been seen, or be only a part of the news."""
        path = self.pick(data)
        others = data.draw(st.lists(st.sampled_from([path.parent, path.parent / "new", self.files.root]), max_size=2))
        self.follower.glance([str(path) for path in (path, *others)])
        self.follower.publish()

    @rule(parts=st.integers(1, 9))
    def begin_a_poll_or_go_on(self, parts: int) -> None:
        """Whatever happens between its parts, it does not undo what a glance found."""
        for _ in range(parts):
            if next(self.parts, None) is None:
                self.parts = self.follower.poll_in_parts()
        self.follower.publish()

    @rule(in_parts=st.booleans())
    def poll(self, in_parts: bool = False) -> None:
        """What is published is right at any moment, but where it waits for its time."""
        for _ in self.follower.poll_in_parts() if in_parts else [self.follower.poll()]:
            pass
        self.follower.publish()
        self.looked = self.follower.due() is None and not self.flipped

    @rule()
    def look(self) -> None:
        self.follower.finish()
        self.looked, self.flipped = True, False

    @invariant()
    def what_is_published_is_what_export_gives(self) -> None:
        if not self.looked:
            return
        self.looked = False
        expected, conditions = exported(self.files.root)
        found = {name: (self.out / name).read_bytes() for name in expected}
        assert found == expected
        noticed = [(one.experiment, one.condition, one[2:6]) for one in self.follower.fulfilments.noticed()]
        assert sorted(noticed) == conditions
        gone = [name for name, table in self.follower.tables.by_name.items() if table.gone]
        assert all((self.out / file_name(name)).read_bytes() == self.follower.csv(name) for name in gone)
        assert not list(self.out.rglob(".tbbridge-*"))
        if not self.restarted:
            published = {str(path.relative_to(self.out)) for path in self.out.rglob("*.csv")}
            left = {file_name(name + WIDE) for name in gone}  # as it lay there
            others = {file_name(SUMMARY)} & published if gone else set()  # deleted then, nothing makes it again
            assert published - left == {*expected, *map(file_name, gone), *others}


def exported(root: Path) -> tuple[dict[str, bytes], list[tuple[str, str, Fulfilled]]]:
    """What a fresh export of a directory gives: file name -> bytes; and what is fulfilled, sorted."""
    if not root.exists():
        return {}, []
    reading = read(root)
    files = {file_name(one.name): run_log_csv(reading.table(one)) for one in reading.experiments}
    rows = {one.name: reading.summary(one, reading.columns(one)) for one in reading.experiments}
    files |= {file_name(SUMMARY): SummaryCsv().text(rows)} if rows else {}
    wide = tables(reading, ExportOptions(layout="wide"), each=True)
    files |= {file_name(table.name): b"".join(csv_chunks(table)) for table in wide}
    return files, sorted(fulfilled(reading, ExportOptions(layout="events", on=CONDITIONS)))
