"""fastai: validate() after a training writes the accuracy under the tag `valid_loss`, at step 0, in a file of its own.

The TensorBoard callback pairs the names of all columns with the values of the last row, and a validation alone has no
train loss: each value lands under the name before its own. The last train loss is written at step 0, too. In the newest
file of the run, these are the newest points of `valid_loss` and `train_loss`.

Seen with fastai 2.8.12, torch 2.13.0, tensorboard 2.21.0:

    fit: valid_loss at steps 8, 16
    validate() returned loss 0.6594 and accuracy 0.75; the new file has valid_loss (0, 0.75), and no accuracy
"""

from _run import files, find, scalars


def finding() -> None:
    """Fit two epochs, then validate."""
    import torch
    from fastai.basics import DataLoaders, Learner, accuracy
    from fastai.callback.tensorboard import TensorBoardCallback

    torch.manual_seed(0)
    x = torch.randn(64, 4)
    data = list(zip(x, (x.sum(1) > 0).long(), strict=True))
    loaders = DataLoaders.from_dsets(data, data[:32], bs=8, device="cpu", num_workers=0)
    callback = TensorBoardCallback("logs", trace_model=False, log_preds=False)
    options = {"loss_func": torch.nn.CrossEntropyLoss(), "metrics": accuracy, "cbs": [callback]}
    learner = Learner(loaders, torch.nn.Linear(4, 2), **options)
    with learner.no_bar(), learner.no_logging():
        learner.fit(2)
        loss, right = learner.validate()
    fit, validate = (scalars(f"logs/{name}") for name in files("logs"))
    print(f"fit: {fit['valid_loss']}; validate() returned {loss:.4f} and {right}; its file: {validate['valid_loss']}")
    assert [step for step, _ in fit["valid_loss"]] == [8, 16]
    assert [step for step, _ in fit["accuracy"]] == [8, 16]
    assert validate["valid_loss"] == [(0, right)]
    assert abs(loss - right) > 0.01
    assert "accuracy" not in validate
    assert {step for step, _ in validate["train_loss"]} == {0}


PACKAGES = ["torch==2.13.0", "tensorboard==2.21.0", "fastcore==2.2.41", "fastdownload==0.0.8", "fastprogress==1.1.6"]
PACKAGES += [
    "fasttransform==0.0.5",
    "plum-dispatch==2.9.0",
    "cloudpickle==3.1.3",
    "matplotlib==3.11.2",
    "pandas==3.1.1",
]
PACKAGES += ["requests==2.34.2", "scikit-learn==1.9.1"]
find(PACKAGES, finding, alone=("fastai==2.8.12",))
