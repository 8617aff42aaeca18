"""Conditions while a log directory grows: what is noticed, when, and what `wait` makes of it. Time is scripted."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import run_cli, wait_until
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import tbbridge
from tbbridge.cli import main
from tbbridge.core.crc32c import frame
from tbbridge.core.errors import PublishError
from tbbridge.following.follower import Follower
from tbbridge.following.tables import FINISHED_AFTER
from tbbridge.write.events import EventWriter, event, field, summary
from tbbridge.write.publish import Publisher


def append(logs: Path, run: str, values: dict[int, float], tag: str = "val_accuracy", *, number: int = 1) -> None:
    """Write values by step into event file `number` of a run, logged at 1000 s and a second per step."""
    path = logs / run / f"events.out.tfevents.{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with EventWriter(path.with_name("part"), wall_time=1000.0 * number) as writer:
        for step, value in values.items():
            writer.scalar(tag, step, 1000.0 * number + step, value)
    with path.open("ab") as file:
        file.write(path.with_name("part").read_bytes())
    path.with_name("part").unlink()


class Scripted:
    """A follower that looks out for conditions, with clocks that the test sets."""

    def __init__(self, logs: Path, *conditions: str) -> None:
        self.now = 100.0
        parsed = [tbbridge.Condition(text) for text in conditions]
        self.follower = Follower(logs, conditions=parsed, clock=lambda: self.now)

    def look(self) -> list[tuple[int, str, int | None]]:
        """Poll; return what is fulfilled: the condition's place, the experiment, the step."""
        self.follower.poll()
        return [(one.place, one.experiment, one.step) for one in self.follower.fulfilments.noticed()]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def test_what_is_fulfilled_is_noticed_once_and_by_experiment(logs: Path) -> None:
    """By condition, then experiment; later points change nothing of it, not even when it was noticed."""
    scripted = Scripted(logs, "val accuracy > 0.9", "a2:val_accuracy is nan", "gap accuracy > 0.2")
    append(logs, "a10", {0: 0.5, 1: 0.95})
    append(logs, "a2", {0: 0.5})
    assert scripted.look() == [(0, "a10", 1)]
    before = scripted.follower.fulfilments.noticed()
    append(logs, "a10", {2: 0.99})
    append(logs, "a2", {1: float("nan"), 2: 0.99})
    append(logs, "a2", {2: 1.5}, "train_accuracy")
    assert scripted.look() == [(0, "a2", 2), (0, "a10", 1), (1, "a2", 1), (2, "a2", 2)]
    assert scripted.follower.fulfilments.noticed()[1] == before[0]


def test_a_restart_that_supersedes_the_point_takes_it_back(logs: Path) -> None:
    """As a fresh reading finds nothing; the training that reaches it again fulfils it again, at its new step."""
    scripted = Scripted(logs, "val accuracy > 0.9")
    append(logs, "a", {0: 0.5, 1: 0.6, 2: 0.95})
    assert scripted.look() == [(0, "a", 2)]
    append(logs, "a", {1: 0.55, 2: 0.7}, number=2)
    assert scripted.look() == []
    append(logs, "a", {3: 0.95}, number=2)
    assert scripted.look() == [(0, "a", 3)]


def test_a_point_that_cannot_be_published_is_noticed(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk keeps the run log back, not the report of a loss that is NaN."""

    def full(texts: Mapping[str, bytes]) -> dict[str, PublishError]:
        return {name: PublishError("cannot write: No space left on device") for name in texts}

    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(logs, publisher, conditions=[tbbridge.Condition("train cross entropy is nan")])
        append(logs, "a", {0: 1.0}, "train_loss")
        follower.poll()
        follower.publish()
        monkeypatch.setattr(publisher, "publish_all", full)
        append(logs, "a", {1: float("nan")}, "train_loss")
        follower.poll()
        follower.publish()
        assert [(one.experiment, one.step) for one in follower.fulfilments.noticed()] == [("a", 1)]


def test_a_run_that_is_deleted_fulfils_nothing_any_more(logs: Path) -> None:
    """What is gone is in no fresh reading, either."""
    scripted = Scripted(logs, "val accuracy > 0.9")
    append(logs, "a", {0: 1})
    assert scripted.look() == [(0, "a", 0)]
    (logs / "a/events.out.tfevents.1").unlink()
    assert scripted.look() == []


def test_silence_is_counted_by_a_clock_that_does_not_jump(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From when the experiment was seen, whatever its files' times and the wall clock say; news ends it."""
    scripted = Scripted(logs, "silent for 10m")
    append(logs, "a", {0: 1})
    os.utime(logs / "a/events.out.tfevents.1", (1000, 1000))
    assert scripted.look() == []
    assert scripted.follower.fulfilments.due() == 700
    monkeypatch.setattr(time, "time", lambda: 9e9)  # the wall clock jumps
    scripted.now = 699
    assert scripted.look() == []
    scripted.now = 700
    assert scripted.look() == [(0, "a", 0)]
    append(logs, "a", {1: 1})
    assert scripted.look() == []
    assert scripted.follower.fulfilments.due() == 1300


def test_finished_is_silence_by_the_runs_own_pace(logs: Path) -> None:
    """An hour, or ten of its longest pauses; the age of its files when they are first seen counts."""
    scripted = Scripted(logs, "finished")
    append(logs, "slow", {0: 1, 1000: 1})  # pauses of 1000 s
    append(logs, "quick", {0: 1, 1: 1})
    append(logs, "old", {0: 1, 1: 1})
    os.utime(logs / "old/events.out.tfevents.1", (1000, 1000))
    assert scripted.look() == [(0, "old", 1)]
    scripted.now += FINISHED_AFTER
    assert scripted.look() == [(0, "old", 1), (0, "quick", 1)]
    scripted.now += 10_000 - FINISHED_AFTER
    assert len(scripted.look()) == 3


def test_a_session_that_says_that_it_ended_is_finished(logs: Path) -> None:
    """At once, by the hyperparameter plugin's own record."""
    scripted = Scripted(logs, "finished")
    append(logs, "a", {0: 1})
    assert scripted.look() == []
    data = HParamsPluginData()
    data.session_end_info.status = Status.Value("STATUS_SUCCESS")
    plugin = field(9, field(1, field(1, "hparams") + field(2, data.SerializeToString())))
    record = event(0, 2000.0, summary(field(1, "_hparams_/session_end_info") + plugin))
    with (logs / "a/events.out.tfevents.1").open("ab") as file:
        file.write(frame(record))
    assert scripted.look() == [(0, "a", 0)]
    (path,) = tbbridge.export(logs, logs.with_name("events.csv"), layout="events", on=["finished"])
    step, wall_time = scripted.follower.fulfilments.noticed()[0][3:5]
    assert path.read_text().splitlines()[1:] == [f"a,finished,,{step},{wall_time},"]


def test_steps_that_are_left_out_do_not_make_a_training_finished(logs: Path) -> None:
    """A session's end that points follow ends nothing (add_hparams), and an end outside the steps is not among them."""
    data = HParamsPluginData()
    data.session_end_info.status = Status.Value("STATUS_SUCCESS")
    plugin = field(9, field(1, field(1, "hparams") + field(2, data.SerializeToString())))
    for name, moment in (("early", 1001.5), ("late", 2000.0)):
        append(logs, name, dict.fromkeys(range(4), 1.0))
        with (logs / name / "events.out.tfevents.1").open("ab") as file:
            file.write(frame(event(0, moment, summary(field(1, "_hparams_/session_end_info") + plugin))))
    for steps, found in (("0:1", []), ("2:3", ["late,finished,,3"]), (":", ["late,finished,,3"])):
        (path,) = tbbridge.export(
            logs, logs.with_name("events.csv"), layout="events", on=["finished"], steps=steps, force=True
        )
        assert [line[: len("late,finished,,3")] for line in path.read_text().splitlines()[1:]] == found


def test_a_column_that_is_not_there_yet_is_said_once_and_awaited(logs: Path) -> None:
    """Among the problems while no experiment has it; once it comes, nothing is said."""
    scripted = Scripted(logs, "a:lrr > 0", "val acuracy > 0", "train loss > 0")
    append(logs, "a", {0: 1})
    assert scripted.look() == []
    assert [line for line in scripted.follower.problems() if "yet" in line] == [
        "there is no 'a:lrr' yet",
        "there is no 'val acuracy' yet; did you mean 'val accuracy'?",
        "there is no 'train loss' yet; a series is RUN:TAG",
    ]
    append(logs, "a", {7: 1}, "lrr")
    assert scripted.look() == [(0, "a", 7)]
    append(logs, "a/train", {8: 1}, "loss")
    assert scripted.look() == [(0, "a", 7), (2, "a", 8)]
    assert len(scripted.follower.problems()) == 1


def test_a_step_is_any_series_where_no_column_has_one(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training of which the rules map nothing reaches its steps, too; a column that comes counts from then on."""
    scripted = Scripted(logs, "step >= 5")
    append(logs, "a", {4: 1, 6: 1}, "queue")
    assert scripted.look() == [(0, "a", 6)]
    assert main(["export", str(logs), "--layout", "events", "--on", "step >= 5", "--out", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["a,step >= 5,a:queue,6,1006.0,6.0"]
    append(logs, "a", {4: 1, 7: 1})
    assert scripted.look() == [(0, "a", 7)]


@pytest.fixture
def two(logs: Path) -> Path:
    append(logs, "a", {0: 0.5, 1: 0.95})
    append(logs, "b", {0: float("nan")})
    return logs


def test_wait_returns_the_first_condition_that_is_fulfilled(two: Path) -> None:
    """What was there at the start counts; all experiments, or those that are named."""
    found = tbbridge.wait(two, until="val accuracy > 0.9")
    assert found is not None
    assert found[:6] == ("val accuracy > 0.9", "a", "val accuracy", 1, 1001.0, 0.95)
    assert abs(found.noticed - time.time()) < 60
    both = [tbbridge.Condition("val accuracy > 2"), "val accuracy is nan"]
    assert (tbbridge.wait(two, until=both) or found)[1:4] == ("b", "val accuracy", 0)
    assert tbbridge.wait(two, until="val accuracy > 0.9", experiments=["b*"], timeout=0.5) is None
    assert tbbridge.wait(two, until="val accuracy > 0.9", everyone=True, timeout=0.5) is None
    assert (tbbridge.wait(two, until=["step >= 1", "step >= 0"], everyone=True) or found).place == 1
    assert tbbridge.wait(two, until="step >= 0", experiments=["a", "b"], everyone=True)
    assert tbbridge.wait(two, until="step >= 0", experiments=["a", "to come"], everyone=True, timeout=0.5) is None


def test_what_is_fulfilled_at_the_start_counts_without_any_time_left(two: Path) -> None:
    """A script asks with a timeout of 0."""
    assert (tbbridge.wait(two, until="step >= 1", timeout=0) or [""])[1] == "a"


def test_a_wait_for_an_experiment_that_is_not_there_says_so(two: Path) -> None:
    """Once, with those that are there: it may come, or be mistyped."""
    said: list[str] = []
    assert tbbridge.wait(two, until="step >= 0", experiments="typo", timeout=0.5, say=said.append) is None
    assert said.count("there is no experiment 'typo' yet; there is a, b") == 1


def test_a_new_experiment_does_not_say_again_which_one_is_awaited(two: Path) -> None:
    """The list of those that are there grows with a sweep."""
    said: list[str] = []
    waiting = threading.Thread(
        target=tbbridge.wait, args=(two, "step >= 9"), kwargs={"experiments": "late", "say": said.append}, daemon=True
    )
    waiting.start()
    wait_until(lambda: said)
    append(two, "c", {0: 1})
    append(two, "late", {9: 1})
    waiting.join(60)
    assert not waiting.is_alive()
    assert len(said) == 1


@pytest.mark.parametrize(
    "mistake",
    [
        {"until": []},
        *({"until": "finished", "timeout": time} for time in (float("nan"), "soon", [])),
        {"until": [3]},
    ],
)
def test_a_wait_that_could_never_end_is_refused(mistake: dict[str, object], two: Path) -> None:
    """Without a condition, and with a time that is no number."""
    with pytest.raises(tbbridge.UsageError, match=r"give a|is a text"):
        tbbridge.wait(two, **mistake)  # type: ignore[arg-type]
    if "timeout" in mistake:
        with pytest.raises(tbbridge.UsageError, match="give a"):
            tbbridge.follow(two, timeout=mistake["timeout"])  # type: ignore[arg-type]


def test_each_condition_of_a_command_has_an_exit_code_of_its_own(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A system keeps 8 bits of it: the 247th --or would end like --until."""
    others = [word for _ in range(246) for word in ("--or", "step < 0")]
    assert main(["wait", str(two), "--until", "step < 0", *others[:-2], "--or", "step >= 0"]) == 255
    assert main(["wait", str(two), "--until", "step < 0", *others, "--or", "step >= 0"]) == 2
    assert "at most 246" in capsys.readouterr().err


def test_the_command_tells_by_exit_code_and_one_line_of_json(two: Path) -> None:
    """0 for --until, 10, 11 ... for each --or in their order, 4 for the timeout, 2 for a mistake, which is shown."""
    done = run_cli("wait", two, "--until", "val accuracy > 2", "--or", "step < 0", "--or", "val accuracy is nan")
    assert done.returncode == 11
    (line,) = done.stdout.splitlines()
    facts = json.loads(line)
    assert facts.pop("noticed") > 1e9
    assert facts == {
        "version": 1,
        "condition": "val accuracy is nan",
        "experiment": "b",
        "column": "val accuracy",
        "step": 0,
        "wall_time": 1000.0,
        "value": "NaN",
    }
    late = run_cli("wait", two, "--until", "val acuracy > 0", "--timeout", "3s")
    assert (late.returncode, late.stdout) == (4, "")
    assert late.stderr.splitlines() == [
        "tbbridge: there is no 'val acuracy' yet; did you mean 'val accuracy'?",
        "tbbridge: no condition was fulfilled in time; there is a, b, with val accuracy",
    ]
    wrong = run_cli("wait", two, "--until", "step >= 1", "--or", "val accuracy iss nan")
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[1:] == ["  val accuracy iss nan", "               ^^^"]
    assert run_cli("wait", two, "--until", "finished", "--timeout", "soon").returncode == 2


def test_it_is_noticed_at_the_flush_and_not_by_a_poll(logs: Path) -> None:
    """Of a training that begins after the wait did; the next poll would come after an hour."""
    append(logs, "a", {0: 0.5})
    said: list[str] = []
    found: list[tbbridge.Noticed | None] = []

    def wait() -> None:
        found.append(tbbridge.wait(logs, until="b:lr > 0", poll_interval=3600, say=said.append))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    wait_until(lambda: said)
    append(logs, "a", {1: 0.95})
    (logs / "b").mkdir()
    append(logs, "b", {0: 1}, "lr")
    waiting.join(60)
    assert [one and one.experiment for one in found] == ["b"]


def test_a_log_directory_that_appears_later_is_awaited(logs: Path) -> None:
    """Said once; Python's `wait` returns in the thread that waits, and ends its own."""
    said: list[str] = []
    found: list[tbbridge.Noticed | None] = []
    waiting = threading.Thread(target=lambda: found.append(tbbridge.wait(logs, until="step >= 1", say=said.append)))
    waiting.start()
    wait_until(lambda: said)
    append(logs, "a", {1: 1})
    waiting.join(20)
    assert [one and one.experiment for one in found] == ["a"]
    assert said == [f"waiting for {logs}: it does not exist yet"]
