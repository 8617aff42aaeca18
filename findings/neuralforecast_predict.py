"""neuralforecast: predict() after a fit() leaves one more run, whose only scalar is `hp_metric` = -1.

A forecast makes a trainer of its own, and its logger opens a version beside the training's, so that each training
leaves a second run that has no curve. In the training's run an epoch is one batch: `train_loss_epoch` has a point per
step.

Seen with neuralforecast 3.3.0, pytorch-lightning 2.6.6, torch 2.13.0, tensorboard 2.21.0:

    version_0: epoch hp_metric ptl/val_loss train_loss_epoch valid_loss
    version_1: hp_metric
"""

import logging

from _run import find, runs


def finding() -> None:
    """Fit once, forecast twice."""
    import numpy
    import pandas
    from neuralforecast import NeuralForecast
    from neuralforecast.models import MLP

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    days = pandas.date_range("2020", periods=100, freq="D")
    series = pandas.DataFrame({"unique_id": "a", "ds": days, "y": numpy.sin(numpy.arange(100) / 5)})
    options = {"accelerator": "cpu", "enable_progress_bar": False, "logger": True}
    model = MLP(h=4, input_size=12, max_steps=10, val_check_steps=5, **options)
    forecaster = NeuralForecast(models=[model], freq="D")
    forecaster.fit(series, val_size=10)
    forecaster.predict()
    forecaster.predict()
    written = runs("lightning_logs")
    for run, tags in written.items():
        print(f"{run}: {' '.join(sorted(tags))}")
    assert list(written) == ["version_0", "version_1"]
    assert [step for step, _ in written["version_0"]["train_loss_epoch"]] == [*range(10)]
    assert [*written["version_1"]] == ["hp_metric"]
    assert set(written["version_1"]["hp_metric"]) == {(0, -1.0)}


PACKAGES = ["neuralforecast==3.3.0", "pytorch-lightning==2.6.6", "torch==2.13.0", "tensorboard==2.21.0"]
find(PACKAGES, finding)
