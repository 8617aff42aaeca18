"""No input costs more than its bytes: time grows with them and memory is bounded, whatever a length claims."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from decode.story import VERSION, claim, image, scalar
from support import ROOT

from tbbridge.core.crc32c import frame
from tbbridge.decode.scan_result import MAX_VALUES
from tbbridge.write.events import event, field, simple_value, summary

MB = 1 << 20
Cost = dict[str, Any]


@pytest.fixture
def cost(tmp_path: Path) -> Callable[..., Cost]:
    """What reading these bytes cost, in a process of its own with at most `address_space` MB."""

    def measure(data: bytes, address_space: int = 0) -> Cost:
        path = tmp_path / "x.tfevents"
        path.write_bytes(data)
        command = [sys.executable, str(ROOT / "tests" / "decode" / "measure.py"), str(path)]
        if address_space:
            command = ["bash", "-c", f'ulimit -v {address_space * 1024}; exec "$@"', "bash", *command]
        env = {"OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return measure


def many_scalars(count: int) -> bytes:
    """A file of `count` scalars of four tags, as torch writes them."""
    tags = ["Loss/train", "Loss/val", "Accuracy/train", "Accuracy/val"]
    block = b"".join(scalar(step, step / 7, tags[step % 4]) for step in range(1000))
    return VERSION + block * (count // 1000)


def test_a_million_scalars_fit_in_150_mb(cost: Callable[..., Cost]) -> None:
    """Peak memory of the whole process that reads a million scalars, numpy among it."""
    found = cost(many_scalars(1_000_000))
    assert (found["scalars"], found["damage"]) == (1_000_000, [])
    assert found["peak_mb"] < 150


def test_the_whole_library_reads_a_million_scalars_in_150_mb(tmp_path: Path) -> None:
    """``tbbridge.read``, with series and experiments, too."""
    (tmp_path / "x.tfevents").write_bytes(many_scalars(1_000_000))
    code = (
        "import sys, tbbridge; from decode.measure import peak_mb; reading = tbbridge.read(sys.argv[1]);"
        "print(sum(len(one.step) for one in reading.runs['.'].values()), peak_mb())"
    )
    env = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    points, peak = done.stdout.split()
    assert int(points) == 1_000_000
    assert float(peak) < 150


def test_ten_times_the_events_take_ten_times_the_time(cost: Callable[..., Cost]) -> None:
    """Time is linear in the number of events (with room for a busy machine)."""
    small, large = many_scalars(100_000), many_scalars(1_000_000)
    ratio = min(cost(large)["cpu"] for _ in range(3)) / min(cost(small)["cpu"] for _ in range(3))
    assert ratio < 15


@pytest.mark.parametrize("length", [2**33, 2**46, 2**63, 2**64 - 1])
def test_a_claimed_length_costs_nothing(length: int, cost: Callable[..., Cost]) -> None:
    """A right header that claims gigabytes allocates nothing, in the middle as at the end."""
    for data in (VERSION + claim(length), VERSION + claim(length) + scalar(1) * 1000):
        found = cost(data, address_space=512)
        assert found["peak_mb"] - found["before_mb"] < 20
        assert found["scalars"] == (1000 if len(data) > 1000 else 0)


GARBAGE = {
    "random": lambda size: Random(1).randbytes(size),
    "zeros": bytes,
    "headers": lambda size: (claim(1000) + claim(60_000_000)) * (size // 24),
    "headers of nothing": lambda size: claim(0) * (size // 12),
    "false claims between records": lambda size: (claim(50 * MB) + b"?" + scalar(1) + b"?") * (size // 70),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_takes_linear_time(kind: str, cost: Callable[..., Cost]) -> None:
    """Four times the rubbish, even of right headers that claim far, takes about four times the time."""
    size = MB // 8 if kind == "false claims between records" else 4 * MB
    # the lesser of two, as the machine may be busy with other things
    once, four = (
        min((cost(VERSION + GARBAGE[kind](n)) for _ in range(2)), key=lambda found: found["cpu"])
        for n in (size, 4 * size)
    )
    assert four["cpu"] < 8 * once["cpu"] + 0.5
    assert four["peak_mb"] < 200
    assert four["records"] == 1 or kind == "false claims between records"
    assert len(four["damage"]) + (four["tail"] > 0) >= 1


def test_a_bomb_of_empty_values_is_bounded(cost: Callable[..., Cost]) -> None:
    """64 MB of empty value messages, in one event and in many, stay under 256 MB, and are told."""
    one = frame(event(1, 1.0, field(5, b"\x0a\x00" * (32 * MB - 50))))
    found = cost(b"".join([VERSION, one, scalar(2)]))
    assert found["peak_mb"] < 256
    assert (found["scalars"], len(found["damage"])) == (1, 1)
    many = frame(event(1, 1.0, field(5, b"\x0a\x00" * (MAX_VALUES - 1))))
    found = cost(b"".join([VERSION, many * 16, scalar(2)]))
    assert found["peak_mb"] < 256
    assert found["passed_over"] == {"value message without a value": 16 * (MAX_VALUES - 1)}


def test_a_bomb_of_groups_is_bounded(cost: Callable[..., Cost]) -> None:
    """A million open groups neither recurse nor crash."""
    found = cost(VERSION + frame(b"\xa3\x06" * 1_000_000) + scalar(2))
    assert (found["scalars"], [one[2] for one in found["damage"]]) == (1, ["no readable event"])


def test_a_huge_image_is_not_held(cost: Callable[..., Cost]) -> None:
    """200 MB of image between scalars cost neither time nor memory."""
    found = cost(b"".join([VERSION, scalar(1), image(200 * MB), scalar(2)]))
    assert (found["scalars"], found["records"], found["damage"]) == (2, 4, [])
    assert found["peak_mb"] - found["before_mb"] < 20
    assert found["cpu"] < 0.5


def test_many_tags_and_a_huge_tag_are_bounded(cost: Callable[..., Cost]) -> None:
    """100,000 tags, and a tag of a megabyte, are kept whole at a cost that their bytes explain."""
    data = b"".join(scalar(1, 1.0, f"metrics/layer{i}/weight") for i in range(100_000))
    found = cost(b"".join([VERSION, data, frame(event(1, 1.0, summary(simple_value("t" * MB, 1.0))))]))
    assert (found["tags"], found["scalars"]) == (100_001, 100_001)
    assert found["peak_mb"] < 150
    assert found["cpu"] < 5


def test_image_heavy_files_cost_their_records(cost: Callable[..., Cost]) -> None:
    """The same records with images a hundred times larger take about the same time and memory."""
    small, large = (
        cost(VERSION + b"".join(scalar(step) + image(size, step) for step in range(200)))
        for size in (40_000, 1_000_000)
    )
    assert small["scalars"] == large["scalars"] == 200
    assert large["cpu"] < 3 * small["cpu"] + 0.1
    assert large["peak_mb"] < small["peak_mb"] + 20
