"""Keras: a small network learns MNIST's digits; Keras's own TensorBoard callback logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/keras_mnist.py

The callback writes at the end of every epoch, into ``train/`` and ``validation/``.
"""

import argparse

import keras
import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--data", metavar="FILE.npz", help="MNIST as keras.datasets stores it; without it, keras fetches it"
)
parser.add_argument("--logdir", default="logs/keras_mnist", help="default: %(default)s")
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()

if args.data:
    with np.load(args.data) as file:
        x, y, x_val, y_val = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
else:
    (x, y), (x_val, y_val) = keras.datasets.mnist.load_data()

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input(x.shape[1:]),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x,
    y,
    batch_size=128,
    epochs=args.epochs,
    validation_data=(x_val, y_val),
    verbose=2,
    callbacks=[keras.callbacks.TensorBoard(args.logdir)],
).history

print("train accuracy:", history["accuracy"][-1])
print("val accuracy:", history["val_accuracy"][-1])
print("train cross entropy:", history["loss"][-1])
print("val cross entropy:", history["val_loss"][-1])
