"""Short cuts of the mapping for many runs: what they skip would have changed nothing."""

from __future__ import annotations

from random import Random

import pytest

from tbbridge.shape.facts import LazyFacts, SeriesFacts
from tbbridge.shape.mapping import experiments, mapping, tags, tokens, words
from tbbridge.shape.mapping.mapping import Mapper, MappingOptions, map_runs
from tbbridge.shape.mapping.overrides import parse_override

TAGS = ("loss", "train/loss", "val/loss", "accuracy", "val_accuracy", "train/acc_epoch", "test/acc", "lr", "top5acc")
NAMES = (
    "seed1",
    "seed22",
    "7",
    "run_003",
    "lr0.1",
    "exp7",
    "exp7-train",
    "exp7-val",
    "train",
    "validation",
    "eval2",
    "9x",
)


def random_facts(rng: Random) -> SeriesFacts:
    points = rng.choice([1, 3, 3, 5])
    largest = rng.choice([0.5, 0.9, 0.95, 1.2, 87.5, float("nan")])
    return SeriesFacts(points, 0, rng.choice([points - 1, 50]), rng.random() < 0.5, rng.random() < 0.1, largest)


def random_runs(rng: Random) -> dict[str, dict[str, SeriesFacts]]:
    layouts = [rng.sample(TAGS, rng.randrange(1, 5)) for _ in range(3)]
    runs = {}
    for _ in range(rng.randrange(1, 40)):
        name = "/".join(rng.choice(NAMES) for _ in range(rng.randrange(1, 4)))
        runs[rng.choice([name, name, name, "."])] = {tag: random_facts(rng) for tag in rng.choice(layouts)}
    return runs


@pytest.mark.parametrize("seed", range(20))
def test_experiments_that_are_alike_are_mapped_as_each_by_itself(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same feeds, rules, notes and reasons, whether or not another experiment was worked out before."""
    rng = Random(seed)
    several = [random_runs(rng) for _ in range(15)]
    quick = [map_runs(runs) for runs in several]
    monkeypatch.setattr(mapping, "_is_below", lambda name, run: False)
    assert [map_runs(runs) for runs in several] == quick


@pytest.mark.parametrize("seed", range(20))
def test_runs_that_come_change_and_go_are_mapped_as_afresh(seed: int) -> None:
    """Whatever was mapped before; and an experiment of which nothing changed is the same object."""
    rng = Random(seed)
    missed = (parse_override("val accuracy=nothing"),)  # its note names what there is
    options = MappingOptions(missed) if seed % 4 == 0 else None
    mapper, runs = Mapper(options), random_runs(rng)
    for _ in range(15):
        first = mapper.map(runs)
        assert first == map_runs(runs, options)
        assert all(one is again for one, again in zip(first, mapper.map(dict(runs)), strict=True))
        for name in rng.sample(sorted(runs), len(runs) // 3):
            tags = list(runs.pop(name))
            if rng.random() < 0.7:
                runs[name] = {tag: random_facts(rng) for tag in tags}
        runs |= random_runs(rng) if rng.random() < 0.5 else {}


def test_series_that_grow_are_mapped_as_afresh() -> None:
    """Also where a growth changes no rule's answer, so that the experiment is not worked out again."""
    same = new = 0
    for seed in range(12):
        rng = Random(seed)
        choice = ["val accuracy=train/loss"] if seed % 4 == 0 else []
        options = MappingOptions.of(choice, prefer=rng.choice(["epoch", "step"]))
        mapper, runs = Mapper(options), random_runs(rng)
        mapper.map(runs)
        for name in sorted({place.experiment for place in experiments.place_runs(runs)})[:4]:
            for _ in range(10):
                before = mapper.again(lazy(runs), [name])[0]
                for run in before.runs:
                    runs[run] = {tag: grown(rng, facts) for tag, facts in runs[run].items()}
                after = mapper.again(lazy(runs), [name])[0]
                assert after in map_runs(runs, options)
                same, new = same + (after is before), new + (after != before)
    assert same > 100
    assert new > 10


def lazy(runs: dict[str, dict[str, SeriesFacts]]) -> dict[str, LazyFacts]:
    """The same facts, which know which of them were looked at."""
    return {run: LazyFacts(dict(of), {}, of.__getitem__) for run, of in runs.items()}


def grown(rng: Random, facts: SeriesFacts) -> SeriesFacts:
    """A series' facts after some points more, mostly one."""
    points = rng.choice([0, 1, 1, 1, 2])
    largest = rng.choice([facts.largest] * 8 + [1.2, 3.0])
    consecutive = facts.consecutive if rng.random() < 0.9 else not facts.consecutive
    return SeriesFacts(facts.points + points, 0, facts.last_step + points, consecutive, facts.ordinal, largest)


def test_many_runs_of_one_layout_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred runs that differ in name and values: one is looked at."""
    made = []
    usual = mapping._Columns.experiment

    def counted(columns: mapping._Columns) -> object:
        made.append(columns.name)
        return usual(columns)

    monkeypatch.setattr(mapping._Columns, "experiment", counted)
    runs = {f"seed{i:03d}": {"loss": SeriesFacts(9, 0, 8, True, False, i / 7)} for i in range(100)}
    found = map_runs(runs)
    assert made == ["seed000"]
    feeds = [one.feeds["train cross entropy"] for one in found]
    assert [feed.run for feed in feeds if feed] == list(runs)
    assert [(one.name, one.runs) for one in found] == [(run, (run,)) for run in runs]


def fewest(piece: str) -> int | None:
    """How many known words make up a piece at least, by trying all: the rule word for word."""
    counts: list[int | None] = [0] + [None] * len(piece)
    for end in range(1, len(piece) + 1):
        for start in range(end):
            word, before = piece[start:end], counts[start]
            glueable = (
                len(word) > 1 and word in words.KNOWN and (len(word) > 2 or word in words.GLUE or not word.isascii())
            )
            if before is not None and before < 4 and glueable:
                counts[end] = min(before + 1, counts[end] or 99)
    return counts[-1]


def test_glued_words_are_split_into_the_fewest() -> None:
    """Random words glued, cut and mixed with letters and digits."""
    rng, known = Random(3), sorted(words.KNOWN)
    for _ in range(3000):
        piece = "".join(rng.choice([*rng.sample(known, 3), "x", "1", "00"]) for _ in range(rng.randrange(1, 5)))
        found = tokens._segment(piece)
        assert "".join(found) == piece if found else True
        assert (len(found) or None) == fewest(piece)


def test_no_known_word_needs_two_digits() -> None:
    """What the splitting of glued words relies on."""
    assert not [word for word in words.KNOWN if tokens._NO_WORDS.search(word) or word[0].isdigit()]


def test_a_name_is_read_the_same_whatever_its_long_numbers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a directory says a split does not depend on the digits of numbers with two digits and more."""
    rng, parts = (
        Random(4),
        ["train", "val", "seed", "x", "_", "-", "l1", "2", "00017", "eval", "tr", "Test", "123456", "v"],
    )
    names = ["".join(rng.choice(parts) for _ in range(rng.randrange(1, 5))) for _ in range(3000)]
    experiments._name_label.cache_clear()
    quick = [experiments._name_label(name) for name in names]
    assert 500 < quick.count(None) < 2500
    monkeypatch.setattr(experiments, "_may_label", lambda name: True)
    experiments._name_label.cache_clear()
    assert [experiments._name_label(name) for name in names] == quick


def test_a_tag_is_skimmed_as_it_is_read() -> None:
    """But for the words of its stem, whatever its numbers are."""
    rng = Random(5)
    parts = [
        "top",
        "acc",
        "prec",
        "@",
        "_",
        "/",
        "-",
        "val",
        "loss",
        "l1",
        "f1",
        "1",
        "2",
        "05",
        "10",
        "15",
        "2002",
        "Epoch",
    ]
    parts += ["accu12racy", "accu1racy", "x", "100", "at", "12b", "term", "kl"]
    for _ in range(5000):
        tag = "".join(rng.choice(parts) for _ in range(rng.randrange(1, 7)))
        read, skimmed = tags.read_tag(tag, "val"), tags.skim_tag(tag, "val")
        assert read._replace(stem=()) == skimmed._replace(stem=())
        assert len(read.stem) == len(skimmed.stem)


def test_an_experiment_that_is_mapped_again_asks_for_the_facts_of_few_series() -> None:
    """Those that a rule compares, of however many there are."""
    facts, asked = SeriesFacts(5, 0, 4, consecutive=True), set[str]()
    tags = dict.fromkeys(["train/loss", "val/loss", *(f"layer{number}/norm" for number in range(50))], facts)

    def work_out(tag: str) -> SeriesFacts:
        asked.add(tag)
        return facts

    mapper = Mapper()
    made = mapper.map({"run": tags})
    assert mapper.again({"run": LazyFacts(tags, {}, work_out)}, ["run"]) == made
    assert asked == {"train/loss", "val/loss"}
