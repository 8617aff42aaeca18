"""Keras: one layer learns handwritten digits; Keras's own TensorBoard callback logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/keras_digits.py

The callback writes at the end of every epoch, into ``train/`` and ``validation/``.
"""

import argparse

import digits
import keras

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", default="logs/digits-softmax", help="default: %(default)s")
parser.add_argument("--epochs", type=int, default=20)
args = parser.parse_args()

x, y, x_val, y_val = digits.load()
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input(x.shape[1:]),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x,
    y,
    epochs=args.epochs,
    validation_data=(x_val, y_val),
    verbose=2,
    callbacks=[keras.callbacks.TensorBoard(args.logdir)],
).history

print("train accuracy:", history["accuracy"][-1])
print("val accuracy:", history["val_accuracy"][-1])
print("train cross entropy:", history["loss"][-1])
print("val cross entropy:", history["val_loss"][-1])
