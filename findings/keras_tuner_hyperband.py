"""Keras Tuner's Hyperband: a promoted configuration goes on in a run of its own, whose curve begins in mid-training.

Each trial is a directory, also where it only continues another trial for some more epochs: its first epoch is the one
at which the other stopped, and nothing in the event files names that other run.

Seen with keras-tuner 1.4.8, keras 3.15.1, tensorflow-cpu 2.21.0, tensorboard 2.21.0:

    first epochs of the runs: 0000 to 0003 begin at epoch 0, 0004 and 0005 at epoch 1, 0006 at epoch 2
"""

from _run import find, runs


def finding() -> None:
    """Search with Hyperband, up to four epochs."""
    import keras
    import keras_tuner
    import numpy

    x = numpy.random.default_rng(0).normal(size=(32, 4))
    y = (x.sum(1) > 0).astype(int)

    def build(choice):
        layers = [keras.layers.Dense(choice.Int("units", 2, 64)), keras.layers.Dense(2, activation="softmax")]
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    tuner = keras_tuner.Hyperband(build, "val_accuracy", max_epochs=4, factor=2, seed=0, directory="tuner")
    callbacks = [keras.callbacks.TensorBoard("logs")]
    tuner.search(x, y, validation_data=(x, y), batch_size=16, verbose=0, callbacks=callbacks)
    first = {run: tags["epoch_loss"][0][0] for run, tags in runs("logs").items() if run.endswith("train")}
    print(f"first epochs: {first}")
    assert {run.split("/")[0]: step for run, step in first.items() if run < "0007"} == {
        **dict.fromkeys(("0000", "0001", "0002", "0003"), 0),
        **dict.fromkeys(("0004", "0005"), 1),
        "0006": 2,
    }


find(["keras-tuner==1.4.8", "tensorflow-cpu==2.21.0", "keras==3.15.1", "tensorboard==2.21.0"], finding)
