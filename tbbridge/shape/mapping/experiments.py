"""Finds the runs that belong to one training, and the split in a run's path: rules R1, R2 and R5."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from tbbridge.core.model import EventFile
from tbbridge.shape.facts import SeriesFacts
from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.tags import skim_tag
from tbbridge.shape.mapping.tokens import tokenise

ROOT: Final = "."
SESSION: Final = "_hparams_/"
"""Stands among the tags of a run that holds only a hyperparameter session; see `with_session`."""
DOMAINS: Final = "_hparams_/experiment"
"""Stands for the tags of a run that holds only domains of hyperparameters."""
_STAMPED: Final = "R1: its name is a time stamp, as add_hparams writes it"
_SESSION_ONLY: Final = "R1: it holds only a hyperparameter session"
_TIMESTAMP: Final = re.compile(r"\d{9,11}\.\d+")
_NUMBER: Final = re.compile(r"[0-9]{2,}")
_ILLEGAL: Final = re.compile(r"\W")
_EPOCH: Final = re.compile(r"epochs?[-_ =.]?\d+", re.IGNORECASE)
_PIECES: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|.", re.DOTALL)


class RunPlace(NamedTuple):
    """The experiment of a run, and the words of its path."""

    run: str
    experiment: str
    split: str | None = None
    """The path's split: ``train``, ``val``, ``test`` or None."""
    because: str = ""
    """The words of the path that said it."""
    suffix: str = ""
    """The part that add_scalars appended: read as part of the tag (R2)."""
    skipped: str = ""
    """Why the run feeds nothing; empty when it may."""
    detail: int = 0
    """Words of the path that are neither the experiment's nor the split's, such as those of a task."""


class _Label(NamedTuple):
    """A directory's name that says a split."""

    split: str
    because: str
    residual: str
    """The rest of the name without the split's words: ``exp7`` of ``exp7-train``, ``2`` of ``train2``."""


@dataclass(slots=True)
class _Draft:
    """A run on its way to its experiment."""

    run: str
    base: str
    """The path that is read for splits: without what add_scalars appended."""
    suffix: str = ""
    prefix: str = ROOT
    residual: str = ""
    rest: str = ""
    detail: str = ""
    """The part taken off because the run joined the experiment above: the name of a task, or of a held-out set."""
    label: _Label | None = None
    dropped: bool = False

    @property
    def key(self) -> str:
        if not self.residual and not self.rest:
            return self.prefix
        return _join(self.prefix, self.residual, self.rest)

    @property
    def split(self) -> str | None:
        return self.label.split if self.label and not self.dropped else None

    def restore(self, *, keep_split: bool = False) -> None:
        """The name that looked like a split's is the experiment's."""
        self.prefix, self.residual, self.rest = self.base, "", ""
        self.dropped = self.dropped or not keep_split


def is_session(files: Iterable[EventFile], points: Iterable[int]) -> bool:
    """Return whether a run holds only hyperparameter sessions, as ``add_hparams(..., run_name="final")`` writes one.

    Each is a file with a point at most of a series: some writers make one per epoch, all in one run.

    Args:
        files: the run's event files.
        points: how many points each series of the run has.
    """
    sessions = [file.hparams for file in files]
    return bool(sessions) and all(sessions) and max(points, default=0) <= len(sessions)


def with_session(known: Mapping[str, SeriesFacts], files: Iterable[EventFile]) -> dict[str, SeriesFacts]:
    """Return the facts of a run's series, and `SESSION` or `DOMAINS` among them where the run holds only such."""
    if is_session(files, (one.points for one in known.values())):
        return {**known, session_tag(known, files): SeriesFacts()}
    return dict(known)


def session_tag(tags: Collection[str], files: Iterable[EventFile]) -> str:
    """Return the mark among the tags of a run that `is_session`: `DOMAINS` where it holds nothing else."""
    return SESSION if tags or any(file.hparam_values or file.session_end for file in files) else DOMAINS


def without_domains(runs: Mapping[str, Mapping[str, SeriesFacts]]) -> Mapping[str, Mapping[str, SeriesFacts]]:
    """Return the runs except those that hold only the domains of hyperparameters of the runs below them."""
    if any(DOMAINS in tags for tags in runs.values()):
        above = {path for run in runs for path in directories_above(run)}
        return {run: tags for run, tags in runs.items() if DOMAINS not in tags or run not in above}
    return runs


def place_runs(runs: Mapping[str, Iterable[str]]) -> list[RunPlace]:
    """The experiment and the split of each run, from the runs' paths and tags alone.

    Args:
        runs: The tags of each run; a run's name is its path below the log directory, ``.`` for that itself.

    Returns:
        One for each run, in the order of `runs`. The experiment of the log directory itself is named ``.``.
    """
    tags = {run: tuple(found) for run, found in runs.items()}
    skipped = {run: _STAMPED for run in tags if _TIMESTAMP.fullmatch(run.rpartition("/")[2])}
    sessions = {run for run in tags if SESSION in tags[run]}
    trained = {run for run in tags if run not in sessions and tags[run]} if sessions else set()
    skipped |= {run: _SESSION_ONLY for run in sessions if not trained.isdisjoint(directories_above(run))}
    drafts = {run: _draft(run, found) for run, found in tags.items() if run not in skipped}
    _join_epochs(drafts)
    if _label(drafts):
        _drop_contradicted(drafts, tags)
        _settle(drafts)
    names = _fold(drafts, tags)
    known = set(names.values()) | set(drafts) if skipped else set()
    return [
        _skipped(run, names, known, skipped[run]) if run in skipped else _placed(drafts[run], names[run])
        for run in tags
    ]


def _placed(draft: _Draft, name: str) -> RunPlace:
    because = draft.label.because if draft.label and draft.split else ""
    detail = [word for word in tokenise(draft.detail) if not word.text.isdigit() and word.text != ROOT]
    return RunPlace(draft.run, name, draft.split, because, draft.suffix, detail=len(detail))


def _skipped(run: str, names: Mapping[str, str], known: set[str], why: str) -> RunPlace:
    above = next((path for path in directories_above(run) if path in known), _parent(run))
    return RunPlace(run, names.get(above, above), skipped=why)


def _draft(run: str, tags: Sequence[str]) -> _Draft:
    """R2: takes off what add_scalars appended to the run's name."""
    if len(tags) != 1 or not tags[0]:
        return _Draft(run, run)
    tag, parts = tags[0], [] if run == ROOT else run.split("/")
    torch = _clean(tag) + "_"
    for i in reversed(range(len(parts))):
        added = parts[i][len(torch) :]
        whole = i == len(parts) - 1 or _says_split(added)  # a key of add_scalars may hold a slash: val/baseline
        if added and whole and _clean(parts[i]).startswith(torch):
            return _Draft(run, "/".join(parts[:i]) or ROOT, suffix="/".join([added, *parts[i + 1 :]]))
    above = _parent(run)
    if run != ROOT and (above == tag or above.endswith("/" + tag)):
        return _Draft(run, above[: -len(tag) - 1] or ROOT, suffix=parts[-1])
    return _Draft(run, run)


def _join_epochs(drafts: Mapping[str, _Draft]) -> None:
    """Runs that are named by the epochs of one training (torchbearer's ``epoch-1``, ``epoch-2``) belong to that."""
    groups: dict[str, list[_Draft]] = defaultdict(list)
    for draft in drafts.values():
        if _EPOCH.fullmatch(draft.base.rpartition("/")[2]):
            groups[_parent(draft.base)].append(draft)
    for above, group in groups.items():
        if above in drafts or len({draft.base for draft in group}) > 1:
            for draft in group:
                draft.detail, draft.base = draft.base.rpartition("/")[2], above


def run_above(run: str, tags: Collection[str]) -> str | None:
    """Return the run in whose directory ``add_scalars`` made this one (R2); None where it did not make it."""
    draft = _draft(run, tuple(tags))
    return draft.base if draft.suffix else None


def _clean(text: str) -> str:
    return _ILLEGAL.sub("_", text)


def _label(drafts: Mapping[str, _Draft]) -> bool:
    """R5: takes the directories that say a split off the paths, from the right; returns whether there are any."""
    bases = {draft.base for draft in drafts.values()}
    directories = {path for base in bases for path in (base, *directories_above(base))} - {ROOT}
    if not any(_name_label(path.rpartition("/")[2]) for path in directories):
        for draft in drafts.values():
            draft.prefix = draft.base
        return False
    siblings = _Siblings.of(directories)
    labels = {path: siblings.label(path, len(bases) > 1) for path in directories}
    for path in _shared(bases):
        labels[path] = None
    both_sides = _both_sides(labels, bases)
    for draft in drafts.values():
        _take_off(draft, labels, both_sides)
    return True


def _both_sides(labels: Mapping[str, _Label | None], bases: set[str]) -> set[str]:
    """The directories in which a split's directory means that split, also with other directories below it.

    They hold one for the train split and one for a held-out split, or are a run themselves and hold one for validation.
    """
    sides: dict[str, set[bool]] = defaultdict(set)
    for path, label in labels.items():
        if label:
            above = _parent(path)
            sides[above].add(label.split == "train")
            if label.split == "val" and above in bases:
                sides[above].add(True)
    return {path for path, found in sides.items() if len(found) > 1}


def _shared(bases: set[str]) -> set[str]:
    """The directories above all runs: a word there cannot tell runs apart."""
    if len(bases) < 2:
        return set()
    return set.intersection(*({base, *directories_above(base)} for base in bases)) - {ROOT}


def _take_off(draft: _Draft, labels: Mapping[str, _Label | None], both_sides: set[str]) -> None:
    """In the middle of a path a word counts only beside a directory of the other split."""
    paths = [] if draft.base == ROOT else [*reversed(directories_above(draft.base)[:-1]), draft.base]
    end = len(paths)
    while end and not (labels[paths[end - 1]] and (end == len(paths) or _parent(paths[end - 1]) in both_sides)):
        end -= 1
    start = end
    residuals: list[str] = []
    while start and (found := labels[paths[start - 1]]):
        draft.label = draft.label or found
        residuals.insert(0, found.residual)
        start -= 1
    if draft.label is None:
        draft.prefix = draft.base
        return
    draft.prefix = paths[start - 1] if start else ROOT
    draft.residual = "" if not any(residuals) else _join(*residuals)
    draft.rest = draft.base[len(paths[end - 1]) + 1 :]


@dataclass(slots=True)
class _Siblings:
    """The directories of each directory: a name such as ``exp7-train`` says a split only beside ``exp7-val``."""

    sides: set[tuple[str, str, bool]]
    """(parent, residual, whether it is the train side) of the names that hold a split's word."""
    paths: set[str]

    @classmethod
    def of(cls, paths: set[str]) -> _Siblings:
        labels = ((path, _name_label(path.rpartition("/")[2])) for path in paths)
        return cls({(_parent(path), label.residual, label.split == "train") for path, label in labels if label}, paths)

    def label(self, path: str, several: bool) -> _Label | None:
        """The split in the name of the directory; `several`: there is more than one run."""
        name, parent = path.rpartition("/")[2], _parent(path)
        label = _name_label(name)
        if label is None or not _named(label.residual):
            return label
        beside = (parent, label.residual, label.split != "train") in self.sides
        if label.split == "val":
            beside = beside or _join(parent, label.residual) in self.paths
            beside = beside or (several and tokenise(name)[0].text in ("eval", "evaluation"))
        return label if beside else None


@lru_cache(maxsize=1 << 14)
def _name_label(name: str) -> _Label | None:
    """Read one directory's name; its residual keeps the spelling."""
    if not _may_label(_NUMBER.sub("00", name)):
        return None
    found = [word.text for word in tokenise(name)]
    splits = [word for word in found if word in words.SPLITS and word not in words.NOT_IN_PATHS]
    if not splits:
        return None
    return _Label(words.SPLITS[splits[-1]], name, "" if splits == found else _residual(name))


@lru_cache(maxsize=1 << 14)
def _may_label(name: str) -> bool:
    """Whether a split's word is among the words of a name; numbers of two and more digits may be any such numbers."""
    return any(word.text in words.SPLITS for word in tokenise(name))


def _residual(name: str) -> str:
    kept = "".join(piece for piece in _PIECES.findall(name) if not _says_split(piece)).strip("-_. ()[]")
    rest = re.sub(r"([-_. ])[-_. ]+", r"\1", kept)
    return "" if all(word.text in words.PATH_NEUTRAL for word in tokenise(rest)) else rest


def _says_split(piece: str) -> bool:
    found = [word.text for word in tokenise(piece)]
    return bool(found) and all(word in words.SPLITS and word not in words.NOT_IN_PATHS for word in found)


def _named(residual: str) -> bool:
    """Whether a residual holds more than digits and neutral words."""
    return any(not word.text.isdigit() and word.text not in words.PATH_NEUTRAL for word in tokenise(residual))


def _drop_contradicted(drafts: Mapping[str, _Draft], tags: Mapping[str, Sequence[str]]) -> None:
    """A directory named ``train`` whose tags say ``val`` is not the train split (Ultralytics names its runs so)."""
    for run, draft in drafts.items():
        if draft.label is None:
            continue
        readings = (skim_tag(tag, draft.suffix) for tag in tags[run])
        said = {reading.split for reading in readings if reading.metric and reading.split}
        draft.dropped = any((split == "train") != (draft.label.split == "train") for split in said)


def _settle(drafts: Mapping[str, _Draft]) -> None:
    """Decides which labels are splits of a larger experiment and which are names of experiments."""
    for group in _groups(drafts).values():
        if all(draft.dropped for draft in group if draft.label):
            for draft in group:
                if draft.label:
                    draft.restore()
    _merge_held_out(drafts)
    _pair_lone(drafts)
    repeated = Counter(draft.label.because for group in _groups(drafts).values() for draft in group if draft.label)
    parents = Counter(_parent(draft.base) for draft in drafts.values() if draft.label is None)
    for group in _groups(drafts).values():
        _restore_lone(group, repeated, parents)


def _groups(drafts: Mapping[str, _Draft]) -> dict[str, list[_Draft]]:
    groups: dict[str, list[_Draft]] = defaultdict(list)
    for draft in drafts.values():
        groups[draft.key].append(draft)
    return groups


def _merge_held_out(drafts: Mapping[str, _Draft]) -> None:
    """Held-out runs without a train side of their own join the experiment above (t5x's ``training_eval/task``)."""
    groups = _groups(drafts)
    trained = {key for key, group in groups.items() if any(draft.split in (None, "train") for draft in group)}
    for key, group in groups.items():
        if key in trained:
            continue
        for draft in group:
            if draft.prefix in trained:
                draft.detail = _join(draft.residual, draft.rest)
                draft.residual = draft.rest = ""


def _pair_lone(drafts: Mapping[str, _Draft]) -> None:
    """The one train side and the held-out sides of one directory belong together, though their numbers differ.

    Two writers that are made one after the other name their directories by two time stamps.
    """
    sides: dict[str, tuple[list[_Draft], list[_Draft]]] = defaultdict(lambda: ([], []))
    for group in _groups(drafts).values():
        splits = {draft.split for draft in group}
        if len(splits) == 1 and None not in splits and not _named(_join(group[0].residual, group[0].rest)):
            sides[group[0].prefix]["train" not in splits].extend(group)
    for train, held_out in sides.values():
        if len({draft.key for draft in train}) == 1:
            for draft in held_out:
                draft.residual, draft.rest = train[0].residual, train[0].rest


def _restore_lone(group: Sequence[_Draft], repeated: Counter[str], parents: Counter[str]) -> None:
    """A lone run called ``test`` is an experiment's name; a lone ``train2`` keeps its name too."""
    labelled = [draft for draft in group if draft.split]
    if len(group) != len(labelled):
        return
    if all(draft.split == "train" for draft in group):
        for draft in group:
            if draft.residual.isdigit() or parents[draft.prefix]:
                draft.restore(keep_split=True)
    elif len(group) == 1 and group[0].label and repeated[group[0].label.because] == 1:
        group[0].restore()


def _fold(drafts: Mapping[str, _Draft], tags: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The experiment of each run: one without an accuracy and a loss joins the nearest above it that has some.

    One without any quality, too, joins the nearest above it that has one.
    """
    usable = {at: _kinds(*at) for at in {(tags[run], drafts[run].suffix) for run in drafts}}
    keys = {run: draft.key for run, draft in drafts.items()}
    told: set[str] = set()
    for kinds in (frozenset(("accuracy", "loss")), frozenset(words.QUALITY_NAMES)):
        having = {keys[run] for run, draft in drafts.items() if not usable[tags[run], draft.suffix].isdisjoint(kinds)}
        told |= having
        nearest = {
            key: next((path for path in directories_above(key) if path in having), key)
            for key in {*keys.values()} - told
        }
        keys = {run: nearest.get(key, key) for run, key in keys.items()}
    return keys


def _kinds(tags: Iterable[str], suffix: str) -> set[str]:
    """The metrics of the usable tags."""
    readings = (skim_tag(tag, suffix) for tag in tags)
    return {reading.metric for reading in readings if not reading.refused}


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or ROOT


def directories_above(path: str) -> list[str]:
    """The directories above `path`, nearest first, down to the root."""
    found = []
    while path != ROOT:
        path = _parent(path)
        found.append(path)
    return found


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part and part != ROOT) or ROOT
