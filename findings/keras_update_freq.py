"""Keras: with `update_freq=N`, an epoch's points are lost where the batches so far are no multiple of N.

`update_freq` is meant for the batch values, but the writer's switch is left as the last batch set it: `epoch_loss` and
`epoch_accuracy`, of the train run and of the validation run, are written only if the epoch's last batch was one that is
logged. And with `steps_per_execution`, the batch values count executions, not batches.

Seen with keras 3.15.1, tensorflow-cpu 2.21.0, tensorboard 2.21.0:

    7 batches per epoch, 4 epochs, update_freq=2: epoch_loss of both runs at [1, 3], batch_loss at [2, 4, ... 28]
    12 batches per epoch, steps_per_execution=3, update_freq=1: batch_loss at [1, 2, 3, 4]
"""

from _run import find, runs


def finding() -> None:
    """Train with an odd number of batches per epoch, and with several steps per execution."""
    import keras
    import numpy

    def fit(folder: str, batches: int, epochs: int, update_freq: int, steps_per_execution: int = 1) -> dict:
        x = numpy.random.default_rng(0).normal(size=(8 * batches, 4))
        y = (x.sum(1) > 0).astype(int)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        options = {"metrics": ["accuracy"], "steps_per_execution": steps_per_execution}
        model.compile("sgd", "sparse_categorical_crossentropy", **options)
        callback = keras.callbacks.TensorBoard(folder, update_freq=update_freq)
        options = {"validation_data": (x, y), "callbacks": [callback]}
        model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, **options)
        steps = {
            f"{run} {tag}": [step for step, _ in points]
            for run, of in runs(folder).items()
            for tag, points in of.items()
        }
        for series in ("train batch_loss", "train epoch_loss", "validation epoch_loss"):
            print(f"{folder}: {series} at {steps.get(series)}")
        return steps

    odd = fit("odd", 7, 4, 2)
    assert odd["train batch_loss"] == [*range(2, 29, 2)]
    assert odd["train epoch_loss"] == odd["train epoch_accuracy"] == odd["validation epoch_loss"] == [1, 3]
    executions = fit("executions", 12, 1, 1, steps_per_execution=3)
    assert executions["train batch_loss"] == [1, 2, 3, 4]


find(["tensorflow-cpu==2.21.0", "keras==3.15.1", "tensorboard==2.21.0"], finding)
