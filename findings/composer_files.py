"""Composer begins two event files at each evaluation, and one more in a run inside the run, which is named as it is.

Its TensorBoard logger closes the writer around an evaluation: the evaluation's points are alone in a file, and the
training goes on in the next. At each end of an evaluation it also writes the hyperparameters with the metrics so far
into `<log_dir>/<run>/<run>`, always at step 0.

Seen with mosaicml 0.32.1, torch 2.7.0, tensorboard 2.21.0 (the dependencies are a CUDA build of several GB):

    tb/one: 3 files of training, 3 of evaluation; loss/train/total at steps 0 .. 23 in the order of their numbers
    tb/one/one: 3 files, hparams/metrics/eval/MulticlassAccuracy three times at step 0
"""

from pathlib import Path

from _run import files, find, scalars


def finding() -> None:
    """Train three epochs of eight batches, with an evaluation after each."""
    import torch
    from composer import Trainer
    from composer.loggers import TensorboardLogger
    from composer.models import ComposerClassifier

    x = torch.randn(64, 4)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, (x.sum(1) > 0).long()), batch_size=8)
    model = ComposerClassifier(torch.nn.Linear(4, 2), num_classes=2)
    trainer = Trainer(
        model=model,
        train_dataloader=data,
        eval_dataloader=data,
        max_duration="3ep",
        optimizers=torch.optim.SGD(model.parameters(), 0.1),
        loggers=[TensorboardLogger(log_dir="tb")],
        run_name="one",
        device="cpu",
        progress_bar=False,
    )
    trainer.fit()
    number = {name: int(name.rpartition(".")[2]) for name in files("tb")}
    training, evaluation, inner, steps = [], [], [], []
    for name in sorted(number, key=number.get):
        series = scalars(f"tb/{name}")
        if Path(name).parent == Path("one/one"):
            inner.append(name)
            assert {step for points in series.values() for step, _ in points} == {0}
            assert "hparams/metrics/eval/MulticlassAccuracy" in series
        elif "metrics/eval/MulticlassAccuracy" in series:
            evaluation.append(name)
            assert not any("train" in tag for tag in series)
        elif "loss/train/total" in series:
            training.append(name)
            steps += [step for step, _ in series["loss/train/total"]]
    print(f"training: {training}\nevaluation: {evaluation}\ninner run: {inner}\ntrain loss at {steps}")
    assert len(training) == len(evaluation) == len(inner) == 3
    assert steps == [*range(24)]


find(["mosaicml==0.32.1", "torch==2.7.0", "torchvision==0.22.0", "tensorboard==2.21.0"], finding)
