"""Runs and tags to experiments and columns, rule by rule (docs/mapping.md)."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import EventFile, Experiment, Series
from tbbridge.shape.mapping.experiments import DOMAINS, SESSION, is_session, with_session
from tbbridge.shape.mapping.mapping import MappingOptions, SeriesFacts, changes, facts, map_runs

EPOCHS = SeriesFacts(5, 0, 4, consecutive=True)
STEPS = SeriesFacts(100, 0, 990)


def mapped(runs: dict[str, object], options: MappingOptions | None = None) -> list[Experiment]:
    """The experiments of runs, given as a text of tags (five points each) or as facts by tag."""
    return map_runs(
        {
            run: dict.fromkeys(tags.split(), EPOCHS) if isinstance(tags, str) else tags  # type: ignore[misc]
            for run, tags in runs.items()
        },
        options,
    )


def columns(experiment: Experiment) -> list[str | None]:
    """``RUN:TAG`` of each column, ``TAG`` where there is one run."""
    single = len(experiment.runs) == 1
    return [feed and (feed.tag if single else f"{feed.run}:{feed.tag}") for feed in experiment.feeds.values()]


def only(runs: dict[str, object], options: MappingOptions | None = None) -> Experiment:
    (experiment,) = mapped(runs, options)
    return experiment


# --- R1, R2: sub-runs of torch and tensorboardX


def test_hparams_sub_run_feeds_nothing_and_is_no_experiment() -> None:
    """R1: a run named by a time stamp belongs to the experiment above it, feeds nothing, and that is said."""
    experiment = only({"a": "train_loss val_loss", "a/1700000000.123456": "accuracy loss"})
    assert (experiment.name, experiment.runs) == ("a", ("a", "a/1700000000.123456"))
    assert columns(experiment) == [None, None, "a:train_loss", "a:val_loss"]
    assert [why.split(":")[0] for _, _, why in experiment.passed_over] == ["R1", "R1"]


@pytest.mark.parametrize("name", ["final", "a", "hparams/0"])
def test_sub_run_that_holds_only_a_session_feeds_nothing(name: str) -> None:
    """R1: ``add_hparams(..., run_name=name)`` writes its metrics beside the hyperparameters, a point each."""
    session = {"accuracy": SeriesFacts(1, 0, 0), SESSION: SeriesFacts()}
    experiment = only({"a": "train_acc val_acc", f"a/{name}": session})
    assert (experiment.name, experiment.runs) == ("a", ("a", f"a/{name}"))
    assert columns(experiment) == ["a:train_acc", "a:val_acc", None, None]
    assert experiment.passed_over == ((f"a/{name}", "accuracy", "R1: it holds only a hyperparameter session"),)


def test_session_without_a_training_above_is_a_training() -> None:
    """TensorFlow's tutorial logs one accuracy beside the hyperparameters of each trial; above stands the experiment."""
    session = {"accuracy": SeriesFacts(1, 1, 1), SESSION: SeriesFacts()}
    found = mapped({".": {DOMAINS: SeriesFacts()}, "run-0": session, "run-1": session})
    assert [(one.name, columns(one)[1]) for one in found] == [("run-0", "accuracy"), ("run-1", "accuracy")]


@pytest.mark.parametrize(
    ("hparams", "points", "session"),
    [(True, [1, 1], {SESSION}), (True, [], {DOMAINS}), (True, [1, 2], set()), (False, [1], set())],
)
def test_what_a_session_is(hparams: bool, points: list[int], session: set[str]) -> None:
    """A record of the hparams plugin, and no series of more than one point; domains, where it has none."""
    file = EventFile("1", NO_SCALARS, hparams=hparams)
    assert is_session([file], points) is bool(session)
    known = with_session({str(i): SeriesFacts(count) for i, count in enumerate(points)}, [file])
    assert known.keys() & {SESSION, DOMAINS} == session
    assert is_session([file] * 2, points) is (hparams and max(points, default=0) <= 2)
    assert not is_session([file, EventFile("2", NO_SCALARS)], points)
    given = EventFile("1", NO_SCALARS, hparams=True, hparam_values={"lr": 0.5})
    assert SESSION in with_session({}, [given])


@pytest.mark.parametrize("key", ["train", "val/mean"])
def test_what_add_scalars_appends_is_part_of_the_tag(key: str) -> None:
    """R2: torch appends the key to the run's name, a key with a slash too; the rest of the path is the experiment."""
    experiment = only({"x": "lr", f"x/Acc_{key}": "Acc", "x/Acc_test": "Acc"})
    assert experiment.name == "x"
    assert f"x/Acc_{key}:Acc" in columns(experiment)


def test_key_of_add_scalars_beats_the_words_of_its_tag() -> None:
    """R2: the tag may name both splits."""
    tag = "Training vs. Validation Loss"
    runs = {f"{tag}_Training": {tag: EPOCHS}, f"{tag}_Validation": {tag: EPOCHS}}
    assert columns(only(runs))[2:] == [f"{tag}_Training:{tag}", f"{tag}_Validation:{tag}"]


# --- R3: which metric


@pytest.mark.parametrize(
    "tag",
    [
        "loss_scale",
        "train/kl_loss",
        "best_val_loss",
        "hparam/loss",
        "val_acc_top5",
        "error_acc",
        "grad_norm/loss_grad",
        "Loss/learning_rate",
        "loss/scores/fake",
        "weights/loss",
        "acc@10",
        "d_loss",
        "a_loss",
        "top_k_categorical_accuracy",
        "accuracy_discriminator",
        "losses/entropy",
    ],
)
def test_what_only_looks_like_an_accuracy_or_a_loss_feeds_nothing(tag: str) -> None:
    """R3: the right-most metric word decides; records, terms of a sum and other metrics are left out."""
    assert columns(only({".": tag})) == [None] * 4


@pytest.mark.parametrize(
    "tag",
    [
        "loss",
        "batchloss",
        "trainLosses",
        "Loss/train/total",
        "cost",
        "xentropy-loss",
        "NLLLoss",
        "BCEWithLogitsLoss",
        "crossentropy",
    ],
)
def test_a_loss_by_any_name(tag: str) -> None:
    """R3: camel case, glued words, plurals and synonyms are read."""
    assert columns(only({".": tag}))[2] == tag


@pytest.mark.parametrize(
    "tag",
    [
        "train_acc",
        "trainAccuracies",
        "train/top-1",
        "train_prec@1",
        "train_acurracy",
        "train_accuracy01",
        "trainacc",
        "train_accu",
    ],
)
def test_an_accuracy_by_any_name(tag: str) -> None:
    """R3: top 1, percent, misspelt."""
    assert columns(only({".": tag}))[0] == tag


def test_refused_series_say_why() -> None:
    """What looks like a metric and feeds no column is passed over with its reason."""
    (passed,) = only({".": "train/kl_loss"}).passed_over
    assert passed == (".", "train/kl_loss", "R3: 'kl' is one term of a loss")


# --- R4, R5: which split


def test_a_tag_that_names_both_splits_names_none() -> None:
    """R4: then the loss is a bare one."""
    assert columns(only({".": {"Training vs. Validation Loss": EPOCHS}}))[2] == "Training vs. Validation Loss"


def test_right_most_split_word_of_the_tag_wins() -> None:
    """R4: train/val_loss is held out."""
    assert columns(only({".": "train/val_loss train/loss"}))[2:] == ["train/loss", "train/val_loss"]


@pytest.mark.parametrize("word", ["val", "validation", "valid", "eval", "dev", "held_out", "vaild", "Validation"])
def test_directories_say_the_split(word: str) -> None:
    """R5: runs named train and val (in any usual word) are one experiment."""
    experiment = only({"a/train": "loss", f"a/{word}": "loss"})
    assert experiment.name == "a"
    assert columns(experiment)[2:] == ["a/train:loss", f"a/{word}:loss"]


def test_directory_that_contradicts_its_tags_is_a_name() -> None:
    """R5: Ultralytics calls its runs train, train2 ..., with the splits in the tags."""
    experiments = mapped({f"detect/{name}": "train/loss val/loss" for name in ("train", "train2")})
    assert [one.name for one in experiments] == ["detect/train", "detect/train2"]
    assert columns(experiments[1])[2:] == ["train/loss", "val/loss"]


# --- R6: no split is said


def test_bare_loss_is_the_train_loss() -> None:
    """R6: alone, and beside a held-out one."""
    assert columns(only({".": "loss"}))[2:] == ["loss", None]
    assert columns(only({".": "loss val_loss"}))[2:] == ["loss", "val_loss"]


def test_bare_series_is_ignored_where_both_splits_are_named() -> None:
    """R6: and the report says so."""
    experiment = only({".": "loss train_loss val_loss"})
    assert columns(experiment)[2:] == ["train_loss", "val_loss"]
    assert [tag for _, tag, _ in experiment.passed_over] == ["loss"]


@pytest.mark.parametrize(
    ("accuracy", "loss", "column"),
    [
        (SeriesFacts(5, 100, 500), STEPS, "val accuracy"),
        (STEPS, STEPS, "train accuracy"),
        (EPOCHS, EPOCHS, "val accuracy"),
    ],
    ids=["fewer points", "as many points, by step", "as many points, by epoch"],
)
def test_bare_accuracy_is_judged_beside_the_train_loss(accuracy: SeriesFacts, loss: SeriesFacts, column: str) -> None:
    """R6: by the number of its points; and the judgement is noted."""
    experiment = only({".": {"train_loss": loss, "accuracy": accuracy}})
    assert experiment.feeds[column] is not None
    assert any(note.startswith(f"{column}: judged by its number of points") for note in experiment.notes)


def test_accuracy_and_loss_that_are_both_bare_are_both_of_the_train_data() -> None:
    """R6: nothing tells them apart."""
    assert columns(only({".": "loss accuracy"})) == ["accuracy", None, "loss", None]


# --- R7, R8: one of several


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        ("loss loss_cls", "loss"),
        ("loss_epoch loss_step", "loss_epoch"),
        ("train/loss train/train_loss", "train/loss"),
        ("loss/idx_10 loss/idx_9", "loss/idx_9"),
        ("total_loss classification_loss", "total_loss"),
        ("train/eval_train_loss train/mean_train_loss", "train/mean_train_loss"),
    ],
)
def test_the_plainest_series_is_chosen(tags: str, chosen: str) -> None:
    """R7: fewest words that are not understood, then by epoch, then fewest words, then by name in natural order."""
    assert columns(only({".": tags}))[2] == chosen


def test_a_single_point_loses_against_a_series() -> None:
    """R7: Hugging Face logs a run's average as one point."""
    known = {"val/loss": SeriesFacts(1, 9, 9), "val/mean_loss": STEPS}
    assert columns(only({".": known}))[3] == "val/mean_loss"
    assert columns(only({".": "val/loss val/mean_loss"}))[3] == "val/loss"


def test_the_plainest_held_out_run_is_chosen() -> None:
    """R7: of several, the one whose path says nothing but the split."""
    runs = dict.fromkeys(["a/train", "a/validation", "a/eval_best"], "loss")
    assert columns(only(runs))[3] == "a/validation:loss"


def test_prefer_step_takes_the_denser_series() -> None:
    """R7's one option."""
    assert columns(only({".": "loss_epoch loss_step"}, MappingOptions(prefer="step")))[2] == "loss_step"


def test_validation_is_chosen_like_its_train_partner() -> None:
    """R7: of two equally plain validation series the one that is named as the train series is."""
    tags = "Accuracy/Train_Segment Accuracy/Val_Song Accuracy/Val_Segment"
    assert columns(only({".": tags}))[:2] == ["Accuracy/Train_Segment", "Accuracy/Val_Segment"]


def test_test_data_stands_in_for_validation_and_that_is_said() -> None:
    """R8: only where no validation is logged."""
    experiment = only({".": "train_loss test_loss"})
    assert columns(experiment)[2:] == ["train_loss", "test_loss"]
    assert any("test data is used as validation" in note for note in experiment.notes)
    assert columns(only({".": "train_loss val_loss test_loss"}))[3] == "val_loss"


# --- what is said


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        ("train_loss", "no validation: nothing held out is logged"),
        ("train_loss val_loss", "no accuracy is logged"),
        ("train_acc val_acc", "no cross entropy is logged"),
        ("val_acc val_loss", "nothing of the train data is logged"),
        ("entropy", "no accuracy and no cross entropy was found: name tags with --map"),
    ],
)
def test_what_is_missing_is_said(tags: str, note: str) -> None:
    """An empty column is never silent."""
    assert note in only({".": tags}).notes


def test_percent_and_steps_that_were_not_written_are_said() -> None:
    """Values above 1 are kept, and a series without steps is counted."""
    known = SeriesFacts(3, 0, 2, consecutive=True, ordinal=True, largest=97.5)
    notes = only({".": {"val_acc": known}}).notes
    assert "val accuracy: in percent (up to 97.5), kept as written" in notes
    assert "val accuracy: the writer passed no step: the points are counted 0, 1, 2 ..." in notes
    (note,) = [line for line in only({".": {"val_acc": SeriesFacts(3, 0, 2, largest=1.07)}}).notes if "kept" in line]
    assert note == "val accuracy: above 1 (up to 1.07), kept as written"


def test_a_column_that_another_series_feeds_is_said() -> None:
    """While a training is followed, a better series may appear later."""
    before, after = only({".": "train_loss test_loss"}), only({".": "train_loss test_loss val_loss"})
    assert changes(before, before) == []
    (line,) = changes(before, after)
    assert line.startswith("val cross entropy: fed by '.:test_loss' before, now by '.:val_loss' (R3")
    assert changes(after, only({".": "train_loss"})) == [
        "val cross entropy: fed by '.:val_loss' before, now by nothing; the run log was made again"
    ]


def test_facts_count_what_no_restart_superseded() -> None:
    """The facts are those of the points that the run log shows."""
    series = Series(
        step=np.array([0, 1, 2, 1, 2]),
        wall_time=np.arange(5.0),
        value=np.array([9.0, 8.0, 7.0, 1.0, np.nan], np.float32),
        superseded=np.array([False, True, True, False, False]),
    )
    assert facts(series) == SeriesFacts(3, 0, 2, consecutive=True, largest=9.0)


def test_facts_of_nothing() -> None:
    """A series whose points are all superseded has none."""
    nothing = np.array([True])
    known = facts(Series(np.array([1]), np.zeros(1), np.zeros(1, np.float32), nothing))
    assert known.points == 0


# --- any names at all

WORDS = [
    "train",
    "val",
    "test",
    "loss",
    "acc",
    "Loss_",
    "eval_x",
    "top5",
    "epoch",
    "3",
    "1700000000.5",
    ".",
    "/",
    "\x1b",
]
NAMES = st.lists(st.sampled_from(WORDS), max_size=5).map("".join) | st.text(max_size=8)
RUNS = st.lists(
    NAMES.filter(lambda name: name not in ("", ".", "..")).map(lambda name: name.replace("/", "")), max_size=3
)


@given(
    st.dictionaries(
        RUNS.map(lambda parts: "/".join(filter(None, parts)) or "."),
        st.dictionaries(NAMES, st.builds(SeriesFacts, st.integers(0, 3)), max_size=5),
        max_size=6,
    )
)
def test_any_names_are_mapped_whatever_their_order(runs: dict[str, dict[str, SeriesFacts]]) -> None:
    """Each run is in one experiment, each feed is a series of it, and the order of discovery changes nothing."""
    found = map_runs(runs)
    assert sorted(run for one in found for run in one.runs) == sorted(runs)
    for one in found:
        splits = [column.partition(" ")[0] for column in one.feeds]
        assert splits == ["train", "val", "train", "val"]
        assert all(feed is None or (feed.run in one.runs and feed.tag in runs[feed.run]) for feed in one.feeds.values())
    shuffled = {run: dict(reversed(tags.items())) for run, tags in reversed(runs.items())}
    assert map_runs(shuffled) == found


def test_a_thousand_runs_take_well_under_a_second() -> None:
    """1,000 runs of 20 tags: a tag is read once, however many runs log it."""
    runs = {f"sweep/{i}": {f"layer_{j}/loss": STEPS for j in range(20)} for i in range(1000)}
    start = time.process_time()
    assert len(map_runs(runs)) == 1000
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("tags", "loss"),
    [
        ("train/loss/total train/loss/ce", "train/loss/total"),
        ("train/loss/total train/loss/cross_entropy", "train/loss/total"),
        ("train/total_loss train/bce_loss train/dice_loss", "train/total_loss"),
        ("train/total_loss bce_loss dice_loss", "train/total_loss"),
        ("totalLoss ceLoss", "totalLoss"),
        ("loss_overall loss_nll", "loss_overall"),
        ("TotLoss/train CE/train", "TotLoss/train"),
        ("loss loss_ce", "loss"),
    ],
)
def test_the_total_loss_wins_over_its_terms(tags: str, loss: str) -> None:
    """R7: a word that says total wins, whatever the length of the names and the spelling."""
    assert columns(only({".": tags}))[2] == loss


def test_auxiliary_losses_feed_nothing() -> None:
    """R3: terms of reinforcement learning's curiosity, as ML-Agents names them."""
    tags = ["Losses/Curiosity Forward Loss", "Losses/Curiosity Inverse Loss", "Losses/RND Loss", "Losses/GAIL Loss"]
    assert columns(only({".": dict.fromkeys(tags, EPOCHS)})) == [None] * 4


def test_epochs_as_runs_are_one_experiment() -> None:
    """torchbearer writes the batches of each epoch into a run of its own; the run above is shown."""
    epochs = {f"exp/epoch-{number}": "batch/loss batch/acc" for number in range(1, 7)}
    experiment = only({"exp": "epoch/loss epoch/val_loss", **epochs})
    assert (experiment.name, len(experiment.runs)) == ("exp", 7)
    assert columns(experiment)[2:] == ["exp:epoch/loss", "exp:epoch/val_loss"]
    first = "'exp/epoch-1' feeds it, and not 'exp/epoch-2' and 4 more with the same tag: choose with --map"
    loss = f"train cross entropy: {first}"
    assert loss not in experiment.notes
    alone, other = mapped({**epochs, "other": "loss"})
    assert (alone.name, other.name) == ("exp", "other")
    assert loss in alone.notes
    assert [one.name for one in mapped({"exp/epoch-1": "loss", "exp/b": "loss"})] == ["exp/b", "exp/epoch-1"]
    for name in ("epoch=1 epoch=2", "Epoch_01 Epoch_02", "epoch.1 epoch.2", "epoch1 epoch2"):
        assert only({f"exp/{run}": "loss" for run in name.split()}).name == "exp"


@pytest.mark.parametrize(
    ("tags", "start"),
    [
        ("train/loss eval/size", "no validation accuracy or cross entropy was found, but 'eval/size': name one with "),
        ("val/loss train/kl train/lr", "no train accuracy or cross entropy was found, but 'train/kl': name one with "),
        ("val/loss train/lr", "nothing of the train data is logged"),
        ("train/loss val/lr", "no validation: nothing held out is logged"),
        ("train/loss eval/runtime eval/samples_per_second", "no validation: nothing held out is logged"),
        ("val_loss epoch", "nothing of the train data is logged (a logger that writes every 50 steps, as Lightning's"),
        ("lr", "no accuracy and no cross entropy was found: name tags with --map"),
        ("", "no scalar was written yet: a writer may keep points back"),
        ("epoch hp_metric", "no scalar was written yet: a writer may keep points back"),
    ],
)
def test_notes_say_what_is_true(tags: str, start: str) -> None:
    """What is held out, or of the train data, is not denied where another metric of it is logged."""
    found = only({".": tags}).notes
    assert [note for note in found if note.startswith(start)], found
