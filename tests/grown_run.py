"""A run whose files grow, taken in look by look as a follower does."""

from __future__ import annotations

from dataclasses import replace

from tbbridge.core.model import EventFile, Scalars
from tbbridge.shape.growing_run import ReadAgain, RunSeries


class Grown:
    """A run as a follower sees it: what its files appended, and all of them again where that is asked for."""

    def __init__(self) -> None:
        self.run = RunSeries()
        self.files: dict[str, EventFile] = {}
        self.taken: dict[str, int] = {}
        self.merges = 0

    def look(self, *files: EventFile, void: bool = False) -> dict[str, int]:
        """Take in files that grew; `void`: one of them was replaced, or some file is gone."""
        self.files.update((file.name, file) for file in files)
        news = [appended(file, self.taken.get(file.name, 0)) for file in files]
        self.taken.update((file.name, len(file.scalars.step)) for file in files)
        try:
            if not void:
                self.run.update(news)
        except ReadAgain:
            self.merges, void = self.merges + 1, True
        if void:
            self.run.update(self.files.values(), whole=True)
        return self.run.changes()

    def forget(self, name: str) -> None:
        self.files.pop(name, None)
        self.taken.pop(name, None)


def appended(file: EventFile, taken: int) -> EventFile:
    """The file with the points only that come after the first `taken` ones."""
    one = file.scalars
    columns = (column[taken:] for column in (one.tag, one.step, one.wall_time, one.value))
    return replace(file, scalars=Scalars(*columns), taken=taken)
