"""Keras: a training that BackupAndRestore resumes goes on in epochs and in evaluations, but counts its batches from 1.

One run then holds `epoch_*` that goes on, `evaluation_*_vs_iterations` that goes on (it follows the optimizer), and
`batch_*` that begins again: its second file lies over the first one's steps.

Seen with keras 3.15.1, tensorflow-cpu 2.21.0, tensorboard 2.21.0:

    epoch_loss: 0 1 | 2 3, evaluation_loss_vs_iterations: 8 16 | 24 32, batch_loss: 1 .. 16 | 1 .. 16
"""

import subprocess
import sys

from _run import files, find, scalars


def train(last: str) -> None:
    """Train four epochs, or exit after two of them."""
    import keras
    import numpy

    x = numpy.random.default_rng(0).normal(size=(64, 4))
    y = (x.sum(1) > 0).astype(int)

    class Exit(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == int(last):
                sys.exit()

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    callbacks = [keras.callbacks.BackupAndRestore("backup"), keras.callbacks.TensorBoard("logs", update_freq=1), Exit()]
    model.fit(x, y, batch_size=8, epochs=4, verbose=0, validation_data=(x, y), callbacks=callbacks)


def finding() -> None:
    """Train in two processes; the second one resumes."""
    for last in ("2", "4"):
        subprocess.run([sys.executable, __file__, last], check=True)
    for tag, before, after in (
        ("epoch_loss", [0, 1], [2, 3]),
        ("evaluation_loss_vs_iterations", [8, 16], [24, 32]),
        ("batch_loss", [*range(1, 17)], [*range(1, 17)]),
    ):
        found = [scalars(f"logs/{name}") for name in files("logs")]
        steps = [[step for step, _ in series[tag]] for series in found if series.get(tag)]
        print(f"{tag}: {steps}")
        assert before in steps
        assert after in steps


if len(sys.argv) > 1:
    train(sys.argv[1])
else:
    find(["tensorflow-cpu==2.21.0", "keras==3.15.1", "tensorboard==2.21.0"], finding)
