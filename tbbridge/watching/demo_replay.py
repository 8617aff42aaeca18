"""The recorded trainings that come with tbbridge, and their replay into a growing log directory.

    with DemoReplay("logs/") as player:
        player.begin("mnist/conv")    # from now on logs/mnist/conv/{train,validation}/ grow as they did in the training

A replay copies the recorded records one by one and changes nothing but their wall times, so a follower of the directory
sees the same as beside the training.
"""

from __future__ import annotations

import importlib
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tbbridge.core.errors import UsageError
from tbbridge.decode.intact_records import records
from tbbridge.decode.wire import read_varint
from tbbridge.write.events import EventWriter

TICK = 0.05
"""Seconds between two moments at which a replay writes."""

SPEED = 50.0
"""Steps a second by default: ten points of each curve."""


@dataclass(frozen=True)
class Recording:
    """A training as it was recorded: a folder of ``fixtures/demo``."""

    name: str
    """``<data set>/<network>``, such as ``mnist/conv``."""
    curves: Mapping[str, list[tuple[int, bytes]]]
    """By run below the training (``train``, ``validation``) the step and the Event of each record, in order."""
    steps: int
    """The last step."""


@cache
def recordings() -> dict[str, Path]:
    """The recorded trainings: name -> folder."""
    root = Path(importlib.import_module("tbbridge.fixtures").__path__[0]) / "demo"
    return {path.parent.relative_to(root).as_posix(): path.parent for path in sorted(root.glob("*/*/about.txt"))}


def load_recording(name: str) -> Recording:
    """Read one recorded training.

    Raises UsageError when there is none of that name.
    """
    if name not in recordings():
        raise UsageError(f"no recorded training is called {name}: choose one of {', '.join(recordings())}")
    folder = recordings()[name]
    curves = {path.parent.name: list(events(path.read_bytes())) for path in sorted(folder.glob("*/*tfevents*"))}
    return Recording(name, curves, max(step for curve in curves.values() for step, _ in curve))


def events(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The step and the encoded Event of each record of an event file, but for the file version at its start."""
    for start, end in records(len(data), lambda size, at: data[at : at + size]):
        if start:
            event = data[start + 12 : end - 4]
            yield step_of(event), event


def step_of(event: bytes) -> int:
    """The step of an encoded Event whose wall time (fixed64, field 1) comes first, as every writer of ours has it."""
    return read_varint(event, 10, len(event))[0] if event[9] == 0x10 else 0  # field 2, a varint


def at(event: bytes, wall_time: float) -> bytes:
    """The same Event at another wall time."""
    return event[:1] + struct.pack("<d", wall_time) + event[9:]


class Replay:
    """One recorded training on its way into a log directory: real event files that grow."""

    def __init__(self, recording: Recording, logdir: Path) -> None:
        self.recording = recording
        self.position = 0.0
        """The step that has been reached; a fraction says how near the next one is."""
        self._folder = logdir / recording.name
        self._written: dict[str, int] = {}
        self._writers: dict[str, EventWriter] = {}
        self._files = 0

    @property
    def ended(self) -> bool:
        """Whether every record has been written."""
        return self.position >= self.recording.steps and not self._writers

    def open(self, now: float) -> None:
        """Begin at step 0, in new event files; from the second time on they announce the restart."""
        self.close()
        self.position = 0.0
        self._written = dict.fromkeys(self.recording.curves, 0)
        for run in self.recording.curves:
            (self._folder / run).mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{int(now)}.demo.{os.getpid()}.{self._files}.v2"
            writer = self._writers[run] = EventWriter(self._folder / run / name, wall_time=now)
            if self._files:
                writer.start(0, now)
        self._files += 1

    def advance(self, steps: float, now: float, speed: float) -> None:
        """Write the training's records of the next `steps`, at wall times up to `now` at `speed` steps a second."""
        self.position = min(self.position + steps, float(self.recording.steps))
        for run, writer in self._writers.items():
            curve, number = self.recording.curves[run], self._written[run]
            while number < len(curve) and curve[number][0] <= self.position:
                step, event = curve[number]
                writer.event(at(event, now - (self.position - step) / speed))
                number += 1
            self._written[run] = number
            writer.flush()
        if self.position >= self.recording.steps:
            self.close()

    def close(self) -> None:
        """Close the event files, as a training does at its end."""
        while self._writers:
            self._writers.popitem()[1].close()


class DemoReplay:
    """Replays trainings into a log directory, at one pace; each one that was begun goes on to its end.

    May be called from any thread; one thread of its own writes.

    logdir      the log directory; a training's runs are ``<name>/train`` and ``<name>/validation``
    speed       steps a second; may be changed at any time
    once        set `over` when every training that was begun has reached its end
    clock       the wall clock, in seconds since the epoch
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        speed: float = SPEED,
        *,
        once: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.speed = speed
        self.over = threading.Event()
        """Set when nothing more will be written: all ended (`once`), or `failure`."""
        self.failure: OSError | None = None
        """Why nothing is written any more, such as a full disk."""
        self._logdir = Path(logdir)
        self._once = once
        self._clock = clock
        self._replays: dict[str, Replay] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tbbridge-demo", daemon=True)

    def __enter__(self) -> DemoReplay:
        """Let time pass: trainings that were begun go on, in a thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop writing and close the event files."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for replay in self._replays.values():
                replay.close()

    def begin(self, name: str) -> None:
        """Begin a training, unless it was begun already."""
        with self._lock:
            if name not in self._replays:
                self._open(name)

    def restart(self, name: str) -> None:
        """Begin a training again from step 0, in new event files that announce the restart."""
        with self._lock:
            self._open(name)

    def progress(self, name: str) -> tuple[int, int]:
        """The step that a training has reached and its last one."""
        with self._lock:
            replay = self._replays.get(name)
            return (int(replay.position), replay.recording.steps) if replay else (0, load_recording(name).steps)

    def ended(self, name: str) -> bool:
        """Whether a training has reached its end."""
        with self._lock:
            return name in self._replays and self._replays[name].ended

    def pass_time(self, seconds: float) -> None:
        """Write the trainings' records of that time."""
        with self._lock:
            for replay in self._replays.values():
                replay.advance(seconds * self.speed, self._clock(), self.speed)
            if self._once and all(replay.ended for replay in self._replays.values()):
                self.over.set()

    def _open(self, name: str) -> None:
        if name not in self._replays:
            self._replays[name] = Replay(load_recording(name), self._logdir)
        self._replays[name].open(self._clock())

    def _run(self) -> None:
        before = time.monotonic()
        while not self._stopped.wait(TICK):
            now = time.monotonic()
            try:
                self.pass_time(now - before)
            except OSError as error:
                self.failure = error
                self.over.set()
                return
            before = now
