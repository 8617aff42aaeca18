"""Small log directories for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tbbridge.core import model
from tbbridge.shape.series import merge_run
from tbbridge.write.events import EventWriter

Series = Iterable[tuple[int, float]]


def write_run(folder: Path, name: str = "1", *, wall_time: float = 100.0, **tags: Series) -> Path:
    """An event file with these series of (step, value); ``val_loss=`` is the tag ``val_loss``. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{name}.host"
    with EventWriter(path, wall_time=wall_time) as writer:
        for tag, points in tags.items():
            for number, (step, value) in enumerate(points):
                writer.scalar(tag, step, wall_time + number, value)
    return path


def write_experiment(logdir: Path, name: str, *, shift: float = 0.0, steps: int = 4) -> None:
    """A training of the experiment `name`: train and validation, accuracy and cross entropy."""
    series = {
        "train": {"accuracy": 0.5, "cross_entropy": 1.0},
        "validation": {"accuracy": 0.25, "cross_entropy": 2.0},
    }
    for run, tags in series.items():
        stride = 1 if run == "train" else 2
        write_run(
            logdir / name / run,
            **{
                tag: [(step, start + shift + step / 8) for step in range(0, steps, stride)]
                for tag, start in tags.items()
            },
        )


def files_of(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def merge(files: Sequence[model.EventFile]) -> dict[str, model.Series]:
    """The series of one run by tag."""
    return merge_run(files)[0]
