"""Keras: after a fit() that was interrupted, the next trainings write their batches into the interrupted run, too.

Ctrl-C (or an exception) leaves the TensorBoard callback's writer in place as the process' default. The next training in
that notebook, with a callback and a directory of its own, adds `batch_loss` and `batch_accuracy` to the old run: steps
that step back, values of another model. The new run has no batch values at all, as it was asked for none.

Seen with keras 3.15.1, tensorflow-cpu 2.21.0, tensorboard 2.21.0:

    first/train: batch_accuracy at steps 1 .. 8, then 1 .. 11 of the second training (the last five are not flushed)
    second/train: epoch_accuracy epoch_learning_rate epoch_loss
"""

from _run import find, runs


def finding() -> None:
    """Interrupt a training after its first epoch, then train another model."""
    import keras
    import numpy

    x = numpy.random.default_rng(0).normal(size=(64, 4))
    y = (x.sum(1) > 0).astype(int)

    def fit(*callbacks) -> None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[*callbacks])

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    try:
        fit(keras.callbacks.TensorBoard("first", update_freq=1), Interrupt())
    except KeyboardInterrupt:
        fit(keras.callbacks.TensorBoard("second"))
    first, second = runs("first")["train"], runs("second")["train"]
    steps = [step for step, _ in first["batch_accuracy"]]
    print(f"first/train: batch_accuracy at {steps}\nsecond/train: {' '.join(sorted(second))}")
    assert steps[:8] == [*range(1, 9)]
    assert steps[8:] == [*range(1, len(steps) - 7)]  # the second training's, as far as they were flushed
    assert len(steps) > 12
    assert "batch_accuracy" not in second
    assert len(second["epoch_accuracy"]) == 2


find(["tensorflow-cpu==2.21.0", "keras==3.15.1", "tensorboard==2.21.0"], finding)
