"""fastai writes `train_loss` (and the rates) in validation, too: each epoch ends with many points of one step.

The callback logs after each batch, of whichever kind: a validation of four batches repeats the last train loss four
times at the step of the epoch's end. A curve over wall time has a plateau there, and the points are no count of steps.

Seen with fastai 2.8.12, torch 2.13.0, tensorboard 2.21.0:

    8 train batches and 4 validation batches per epoch, 2 epochs: train_loss has 24 points at 16 steps,
    steps 8 and 16 five times each, with equal values
"""

from collections import Counter

from _run import find, runs


def finding() -> None:
    """Fit two epochs of eight batches, with four batches of validation."""
    import torch
    from fastai.basics import DataLoaders, Learner
    from fastai.callback.tensorboard import TensorBoardCallback

    x = torch.randn(64, 4)
    data = list(zip(x, (x.sum(1) > 0).long(), strict=True))
    loaders = DataLoaders.from_dsets(data, data[:32], bs=8, device="cpu", num_workers=0)
    callback = TensorBoardCallback("logs", trace_model=False, log_preds=False)
    learner = Learner(loaders, torch.nn.Linear(4, 2), loss_func=torch.nn.CrossEntropyLoss(), cbs=[callback])
    with learner.no_bar(), learner.no_logging():
        learner.fit(2)
    written = runs("logs")["."]
    count = Counter(step for step, _ in written["train_loss"])
    print(f"train_loss: {count.total()} points at {len(count)} steps, {count}")
    assert count == {step: 5 if step in (8, 16) else 1 for step in range(1, 17)}
    assert len(set(written["train_loss"])) == 16  # equal values
    assert Counter(step for step, _ in written["lr_0"]) == count


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
