"""What the user decides instead of the rules: one column's series, or another metric for a chart."""

from __future__ import annotations

import pytest

from tbbridge.core.errors import MappingError
from tbbridge.core.model import Experiment
from tbbridge.shape.mapping.mapping import MappingOptions, SeriesFacts, check_overrides, map_runs
from tbbridge.shape.mapping.overrides import METRICS, chart_metrics, parse_metric, parse_override

RUNS = {"a": ["train/loss", "eval/loss", "eval/top1", "eval/top1_ema"], "b": ["train/loss", "eval/acc"]}
LANGUAGE = {".": ["train/loss", "eval/loss", "train/ppl", "eval/ppl", "val/f1", "best_val_f1"]}


def mapped(runs: dict[str, list[str]], maps: tuple[str, ...] = (), metrics: tuple[str, ...] = ()) -> list[Experiment]:
    options = MappingOptions.of(maps, metrics)
    check_overrides(runs, options)
    return map_runs({run: dict.fromkeys(tags, SeriesFacts(5, 0, 4)) for run, tags in runs.items()}, options)


def fed(experiment: Experiment, column: str) -> str | None:
    feed = experiment.feeds[column]
    return feed and f"{feed.run}:{feed.tag}"


@pytest.mark.parametrize("pattern", ["eval/loss", "a:eval/loss", "*:eval/lo*", "a:*/loss", "eval/los?"])
def test_map_names_a_series_by_tag_or_by_run_and_tag(pattern: str) -> None:
    """As it stands or as a glob; the rule says who chose it."""
    a, _ = mapped(RUNS, (f"val accuracy={pattern}",))
    assert (fed(a, "val accuracy") or "")[:2] == "a:"
    feed = a.feeds["val accuracy"]
    assert feed is not None
    assert feed.rule == f'chosen by --map "val accuracy={pattern}"'


def test_map_leaves_experiments_without_such_a_series_to_the_rules() -> None:
    """Experiment b has no eval/top1."""
    a, b = mapped(RUNS, ("val accuracy=eval/top1",))
    assert (fed(a, "val accuracy"), fed(b, "val accuracy")) == ("a:eval/top1", "b:eval/acc")


def test_name_that_is_there_exactly_is_no_glob() -> None:
    """Brackets and stars are letters of some tags."""
    (one,) = mapped({".": ["acc[0]", "acc0", "train/loss"]}, ("val accuracy=acc[0]",))
    assert fed(one, "val accuracy") == ".:acc[0]"


def test_of_several_series_the_plainest_is_taken_and_that_is_said() -> None:
    """A glob may match many."""
    a, _ = mapped(RUNS, ("val accuracy=a:eval/top1*",))
    assert fed(a, "val accuracy") == "a:eval/top1"
    assert 'val accuracy: 2 series match --map "val accuracy=a:eval/top1*": the first by R7 was taken' in a.notes


def test_empty_pattern_leaves_the_column_empty() -> None:
    """And what the rules would have taken is passed over."""
    a, _ = mapped(RUNS, ("val loss=",))
    assert fed(a, "val cross entropy") is None
    assert ("a", "eval/loss", '--map "val cross entropy=" decides the column val cross entropy') in a.passed_over


def test_later_override_wins() -> None:
    """The command line comes after the configuration."""
    a, _ = mapped(RUNS, ("val accuracy=eval/top1", "val accuracy=eval/top1_ema"))
    assert fed(a, "val accuracy") == "a:eval/top1_ema"


def test_options_of_a_table_are_those_of_the_texts() -> None:
    """As in a configuration file, and as on the command line."""
    assert MappingOptions.of({"val loss": "x"}, align="wall") == MappingOptions.of(["val loss=x"], align="wall")
    with pytest.raises(MappingError, match="align one of auto, step, epoch, wall"):
        MappingOptions.of(align="sideways")


@pytest.mark.parametrize("column", ["val loss", "Validation-Loss", "val_cross_entropy", "valid loss"])
def test_columns_are_known_in_any_usual_spelling(column: str) -> None:
    """``loss`` is cross entropy, ``validation`` is val."""
    a, _ = mapped(RUNS, (f"{column}=eval/top1",))
    assert fed(a, "val cross entropy") == "a:eval/top1"


@pytest.mark.parametrize(
    ("maps", "metrics", "message"),
    [
        (("val accuracy=eval/top2",), (), "the nearest are 'eval/top1', 'eval/top1_ema'"),
        (("val accuracy=c:eval/top1",), (), "'a:eval/top1'"),
        (("val accurcy=eval/top1",), (), "did you mean 'val accuracy'?"),
        (("eval/top1",), (), 'write map="val accuracy=TAG"'),
        ((), ("perplexity=eval/pplx",), "no tag matches"),
        ((), ("spam",), "no tag matches"),
        ((), ("=eval/ppl",), 'write metric="NAME=TAG"'),
        ((), ("train x=eval/ppl",), 'write metric="NAME=TAG"'),
        ((), ("a=x", "b=x", "c=x"), "there are two charts, and 3 metrics are named"),
        ((), ("a=eval/acc", "a=eval/loss"), "'a' is named twice"),
        (("val accuracy=\x1b[31m",), (), r'map="val accuracy=\x1b[31m"'),
    ],
)
def test_wrong_names_are_refused_with_the_nearest(
    maps: tuple[str, ...], metrics: tuple[str, ...], message: str
) -> None:
    """One clear line, whose text holds no control character."""
    with pytest.raises(MappingError) as error:
        mapped(RUNS, maps, metrics)
    assert message in str(error.value)
    assert str(error.value).isprintable()


def test_override_that_matches_nothing_yet_is_noted_while_a_training_is_followed() -> None:
    """`map_runs` does not raise: the tag may be logged later."""
    options = MappingOptions((parse_override("val accuracy=eval/acc"),))
    (one,) = map_runs({".": {"loss": SeriesFacts(1, 0, 0)}}, options)
    assert any("no tag matches" in note for note in one.notes)


def test_metric_takes_the_accuracy_chart_with_its_partner() -> None:
    """``eval/ppl`` brings ``train/ppl``: the words are the same but for the split's."""
    (one,) = mapped(LANGUAGE, (), ("perplexity=eval/ppl",))
    assert list(one.feeds) == ["train perplexity", "val perplexity", "train loss", "val loss"]
    assert (fed(one, "train perplexity"), fed(one, "val perplexity")) == (".:train/ppl", ".:eval/ppl")
    assert (fed(one, "train loss"), fed(one, "val loss")) == (".:train/loss", ".:eval/loss")


def test_two_metrics_take_both_charts() -> None:
    """In their order; a glob takes what it matches, a name alone the series whose words are its own, but no record."""
    (one,) = mapped(LANGUAGE, (), ("f1", "perplexity=*/ppl"))
    assert list(one.feeds) == ["train f1", "val f1", "train perplexity", "val perplexity"]
    assert [fed(one, column) for column in one.feeds] == [None, ".:val/f1", ".:train/ppl", ".:eval/ppl"]


def test_metric_by_directories() -> None:
    """The split may stand in the run's path."""
    runs = {"train": ["epoch_auc", "epoch_loss"], "validation": ["epoch_auc", "epoch_loss"]}
    (one,) = mapped(runs, (), ("AUC=validation:epoch_auc",))
    assert [fed(one, f"{split} AUC") for split in ("train", "val")] == ["train:epoch_auc", "validation:epoch_auc"]


def test_cross_entropy_alone_keeps_the_accuracy() -> None:
    """A metric that the rules know may be named, too."""
    assert chart_metrics([parse_metric("loss")]) == METRICS
    assert [one.name for one in chart_metrics([parse_metric("loss"), parse_metric("accuracy")])] == [
        "cross entropy",
        "accuracy",
    ]


def test_columns_of_other_metrics_can_be_mapped() -> None:
    """--map knows the columns that --metric made."""
    (one,) = mapped(LANGUAGE, ("Val Perplexity=val/f1",), ("perplexity=eval/ppl",))
    assert fed(one, "val perplexity") == ".:val/f1"
