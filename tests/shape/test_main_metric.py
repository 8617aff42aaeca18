"""The main metric of a training that logs no accuracy (rule R9), and the columns that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbbridge import export, import_run_log, lower_is_better, read
from tbbridge.core.errors import FormatError
from tbbridge.core.model import COLUMNS, Experiment
from tbbridge.following.follower import Follower
from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.mapping import MappingOptions, SeriesFacts, changes, map_runs
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher


def mapped(tags: str, *metrics: str, maps: tuple[str, ...] = (), **points: int) -> Experiment:
    """The experiment of one run; a tag has five points, or those given for it."""
    options = MappingOptions.of(maps, metrics)
    counts = {tag: points.get(tag, 5) for tag in tags.split()}
    (one,) = map_runs({".": {tag: SeriesFacts(count, 0, 99) for tag, count in counts.items()}}, options)
    return one


def fed(experiment: Experiment) -> dict[str, str | None]:
    return {column: feed and feed.tag for column, feed in experiment.feeds.items()}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("rollout/ep_rew_mean eval/mean_reward train/loss", "reward rollout/ep_rew_mean eval/mean_reward"),
        ("eval/mean_reward eval/success_rate", "reward - eval/mean_reward"),
        ("rollout/ep_rew_mean eval/success_rate", "success_rate - eval/success_rate"),
        ("charts/episodic_return losses/value_loss", "return charts/episodic_return -"),
        ("Reward/Instantaneous_reward_(mean) Reward/Total_reward_(mean)", "reward Reward/Total_reward_(mean) -"),
        ("reward/min reward/max reward/std reward/mean", "reward reward/mean -"),
        ("rewards/step rewards/time", "reward rewards/step -"),
        ("val/dice_liver val/iou train/loss", "IoU - val/iou"),
        ("val/dice_liver val/dice train/loss", "Dice - val/dice"),
        ("val/mAP_50 val/mAP_75 val/mAP val/precision", "mAP - val/mAP"),
        ("metrics/mAP50(B) metrics/mAP50-95(B) train/box_loss val/box_loss", "mAP - metrics/mAP50-95(B)"),
        ("val/mean_average_precision", "mAP - val/mean_average_precision"),
        ("val_MeanAbsolutePercentageError val_MeanAbsoluteError", "MAE - val_MeanAbsoluteError"),
        ("mean_squared_error val_root_mean_squared_error", "RMSE - val_root_mean_squared_error"),
        (
            "val/mean_error val/symmetric_mean_absolute_percentage_error train/loss val/mean_squared_log_error",
            "SMAPE - val/symmetric_mean_absolute_percentage_error",
        ),
        ("val/precision val/f1_of_a_class", "F1 - val/f1_of_a_class"),
        ("train/loss val/loss val/wer train/grad_norm", "WER - val/wer"),
        ("train/td_error train/error", "error train/error -"),
        ("Loss/dice Loss/total Metric/psnr", "PSNR Metric/psnr -"),
        ("lr fid", "FID fid -"),
        ("fid", "FID - fid"),
        ("agent/average_loss eval/mean eval/median eval/max eval/min eval/stdev", "score - eval/mean"),
        ("train/score val/score train/loss", "score train/score val/score"),
        ("metrics/rollout_return metrics/evaluation metrics/loss", "return metrics/rollout_return metrics/evaluation"),
        ("train/return eval/return eval/mean", "return train/return eval/return"),
        ("val/precision val/score", "precision - val/precision"),
        ("score mean_score high_score best_score train/mean eval_mean", "score score eval_mean"),
        ("val/overall val/f1 eval/mean_length", "F1 - val/f1"),
        ("episode/score episode/length eval_episode/score", "score episode/score eval_episode/score"),
        ("Metrics/EpRet Metrics/EpCost Metrics/EpLen", "return Metrics/EpRet -"),
        (
            "loss validation.head.realistic.inverse_harmonic_mean_rank validation.both.optimistic.hits_at_10"
            " validation.both.realistic.inverse_harmonic_mean_rank"
            " validation.both.realistic.z_inverse_harmonic_mean_rank "
            "validation.both.pessimistic.inverse_harmonic_mean_rank validation.both.realistic.inverse_median_rank",
            "MRR - validation.both.realistic.inverse_harmonic_mean_rank",
        ),
    ],
)
def test_the_first_two_columns_are_what_the_user_looks_at(tags: str, expected: str) -> None:
    """Whole before part, mean before spread, evaluation before exploration; the split by its word, or by its steps."""
    name, train, val = expected.split()
    metric = name.replace("_", " ")
    found = fed(mapped(tags))
    assert list(found)[:2] == [f"train {metric}", f"val {metric}"]
    assert [tag or "-" for tag in found.values()][:2] == [train, val]


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("Dice", "dice_coef dice_coefficient DiceScore dice_similarity_coefficient DSC"),
        ("IoU", "intersection_over_union IoU jaccard_index"),
        ("mIoU", "mean_intersection_over_union MeanIoU mean_iou"),
        ("PQ", "panoptic_quality PanopticQuality pq"),
        ("F1", "f_score f-measure F1Score fbeta_score f_beta"),
        ("AUC", "area_under_curve roc_auc area_under_the_roc_curve"),
        ("mAP", "mean_average_precision meanAveragePrecision mAP@50"),
        ("WER", "word_error_rate WordErrorRate"),
        ("CER", "character_error_rate CharErrorRate"),
        ("FID", "frechet_inception_distance FrechetInceptionDistance"),
        ("PSNR", "PeakSignalNoiseRatio peak_signal_to_noise_ratio"),
        ("SSIM", "structural_similarity StructuralSimilarityIndexMeasure"),
        ("R2", "r_squared R^2 r2_score coefficient_of_determination"),
        ("RMSE", "root_mean_square_error RootMeanSquaredError root_mse"),
        ("RMSLE", "root_mean_squared_log_error"),
        ("SMAPE", "sMAPE symmetric_mean_absolute_percentage_error"),
        ("MASE", "mean_absolute_scaled_error"),
        ("NDCG", "normalized_discounted_cumulative_gain RetrievalNormalizedDCG"),
        ("MRR", "mean_reciprocal_rank inverse_harmonic_mean_rank"),
        ("MCC", "matthews_corrcoef matthews_correlation_coefficient"),
        ("Spearman", "spearmanr spearman_corr SpearmanCorrCoef"),
        ("Pearson", "pearsonr pearson_correlation_coefficient"),
        ("ECE", "expected_calibration_error"),
        ("bits per byte", "bits_per_byte bpb"),
        ("bits per dimension", "bits_per_dim BitsPerDimension"),
        ("win rate", "win_rate winrate"),
        ("exact match", "exact_match ExactMatch em"),
    ],
)
def test_a_quality_is_known_by_its_full_name(name: str, spellings: str) -> None:
    """As its short one, in any spelling and with any separator."""
    for spelling in spellings.split():
        for tag in {spelling, spelling.replace("_", " "), spelling.replace("_", "-")}:
            facts = {f"val/{tag}": SeriesFacts(5, 0, 99), "train/loss": SeriesFacts(5, 0, 99)}
            (one,) = map_runs({".": facts})
            assert fed(one)[f"val {name}"] == f"val/{tag}"


def test_a_bare_quality_with_fewer_points_than_the_training_is_of_the_validation() -> None:
    """Beside a loss, and beside other series where no loss is usable; with as many points it is of the training."""
    assert fed(mapped("loss psnr", psnr=3))["val PSNR"] == "psnr"
    assert fed(mapped("loss psnr"))["train PSNR"] == "psnr"
    assert fed(mapped("loss/G loss/D fid", fid=3))["val FID"] == "fid"


@pytest.mark.parametrize(
    "tags",
    [
        "loss",
        "train/loss val/loss lr",
        "train/loss train/cache_hit_rate cache/hit_rate",
        "loss/policy rollout/ep_len_mean",
        "",
        "acc f1 reward",
    ],
)
def test_the_header_stays_the_classic_one(tags: str) -> None:
    """Where an accuracy is logged, a loss alone, or nothing of either."""
    assert tuple(mapped(tags).feeds) == COLUMNS


def test_a_loss_is_a_cross_entropy_where_its_tag_says_so() -> None:
    """All of its tags."""
    assert list(fed(mapped("train/ce val/ce val/f1")))[2:] == ["train cross entropy", "val cross entropy"]
    assert list(fed(mapped("train/ce val/loss val/f1")))[2:] == ["train loss", "val loss"]


def test_metric_accuracy_keeps_the_classic_form() -> None:
    """Whatever is logged; another quality by its name, in any case and by any of its words."""
    assert tuple(mapped("reward loss", "accuracy").feeds) == COLUMNS
    assert fed(mapped("eval/ppl eval/f1 train/loss", "Perplexity"))["val Perplexity"] == "eval/ppl"
    assert fed(mapped("eval/reward eval/success_rate", "success rate"))["val success rate"] == "eval/success_rate"


def test_what_was_not_chosen_comes_with_the_option_that_chooses_it() -> None:
    """In the report."""
    one = mapped("eval/mean_reward eval/success_rate")
    (passed,) = one.passed_over
    assert passed[1:] == (
        "eval/success_rate",
        'R9: no accuracy is logged, and reward is the main metric: --metric "success rate" shows this one',
    )
    assert one.feeds["val reward"] is not None
    assert "R9: no accuracy is logged" in one.feeds["val reward"].rule


def test_a_column_that_is_mapped_makes_its_metric_the_main_one() -> None:
    """``--map``, of a quality and of an accuracy; the loss's column under either name."""
    assert fed(mapped("eval/reward x/y", maps=("val F1=x/y",)))["val F1"] == "x/y"
    assert fed(mapped("eval/reward x/y", maps=("val accuracy=x/y",)))["val accuracy"] == "x/y"
    assert fed(mapped("eval/reward x/y", maps=("val loss=x/y",)))["val loss"] == "x/y"
    assert fed(mapped("eval/reward x/y", maps=("val cross entropy=x/y",)))["val loss"] == "x/y"


def test_another_main_metric_is_one_change() -> None:
    """That names the columns before and now."""
    (line,) = changes(mapped("loss"), mapped("loss reward"))
    assert line.startswith(
        "the columns were train accuracy, val accuracy, train cross entropy, val cross entropy, and are "
    )
    assert changes(mapped(""), mapped("reward")) == []


def test_each_quality_has_a_direction() -> None:
    """Errors, distances and code lengths are best where they are lowest."""
    lower = {name for name in words.QUALITY_NAMES if lower_is_better(f"val {name}")}
    assert lower == {
        *(
            "WER",
            "CER",
            "TER",
            "FID",
            "KID",
            "LPIPS",
            "MAE",
            "RMSE",
            "MSE",
            "MAPE",
            "SMAPE",
            "RMSLE",
            "perplexity",
            "Brier",
        ),
        *("MASE", "WAPE", "EER", "FVD", "EPE", "Hausdorff"),
        *("ECE", "error", "bits per character", "bits per byte", "bits per dimension"),
    }


def test_a_training_that_turns_to_another_main_metric_is_published_as_a_fresh_export(tmp_path: Path) -> None:
    """First a loss, then a reward, then an accuracy: the header changes, the file is whole, and a note says so."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    logdir.mkdir()
    headers = []
    with Publisher(out) as publisher, EventWriter(logdir / "events.out.tfevents.1700000000.host") as writer:
        follower = Follower(logdir, publisher, clock=lambda: 0.0)
        for step, tag in enumerate(("train/loss", "train/loss", "eval/reward", "train/loss", "eval/accuracy")):
            writer.scalar(tag, step, 1.7e9 + step, 0.5)
            writer.flush()
            follower.poll()
            follower.finish()
            (fresh,) = export(logdir, tmp_path / "fresh")
            text = (out / fresh.name).read_text()
            assert text == fresh.read_text()
            headers.append(text.partition("\n")[0])
        notes = [note for table in follower.tables.by_name.values() for note in table.view.notes]
    classic, reward = "step," + ",".join(COLUMNS), "step,train reward,val reward,train loss,val loss"
    assert headers == [classic, classic, reward, reward, classic]
    assert sum("(R9); the run log was made again" in note for note in notes) == 2


@pytest.mark.parametrize("metric", words.QUALITY_NAMES)
def test_a_run_log_of_any_main_metric_is_imported_and_exported_to_the_same_bytes(metric: str, tmp_path: Path) -> None:
    """TensorBoard shows it in between."""
    source = tmp_path / "a.csv"
    source.write_text(f"step,train {metric},val {metric},train loss,val loss\n0,0.5,,0.25,\n5,,1.5,,2.5\n")
    import_run_log(source, tmp_path / "logs")
    (back,) = export(tmp_path / "logs", tmp_path / "out")
    assert back.read_text() == source.read_text()
    assert [one.name for one in read(tmp_path / "logs").experiments] == ["a"]


def test_import_refuses_two_main_metrics(tmp_path: Path) -> None:
    """Event files of both would come back as one."""
    (tmp_path / "a.csv").write_text("step,val F1,val AUC\n0,0.5,0.5\n")
    with pytest.raises(FormatError, match="does not know val AUC"):
        import_run_log(tmp_path / "a.csv", tmp_path / "logs")
