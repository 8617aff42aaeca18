"""TensorFlow: a GradientTape loop learns handwritten digits; tf.summary.scalar logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/tf_custom_loop.py

Two writers, ``train/`` and ``validation/``, with the same two tags: this is all that a run log with both curves needs.
``flush()`` sends the points on at once; without it a writer keeps up to ten of them for up to two minutes.
"""

import argparse

import digits
import keras
import tensorflow as tf

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", default="logs/digits-tf", help="default: %(default)s")
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()

x, y, x_val, y_val = digits.load()
x, x_val = x[..., None], x_val[..., None]

keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input(x.shape[1:]),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10),
    ]
)
optimizer = keras.optimizers.Adam()
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def accuracy_of(labels, logits):
    return tf.reduce_mean(tf.cast(tf.argmax(logits, axis=1) == labels, tf.float32))


@tf.function
def update(images, labels):
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = cross_entropy(labels, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return loss, accuracy_of(labels, logits)


@tf.function
def evaluate(images, labels):
    logits = model(images)
    return cross_entropy(labels, logits), accuracy_of(labels, logits)


train_writer = tf.summary.create_file_writer(f"{args.logdir}/train")
validation_writer = tf.summary.create_file_writer(f"{args.logdir}/validation")
batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).repeat().batch(50).take(args.steps)
for step, (images, labels) in enumerate(batches, start=1):
    loss, accuracy = update(images, labels)
    if step % 5 == 0:
        with train_writer.as_default(step):
            tf.summary.scalar("accuracy", accuracy)
            tf.summary.scalar("cross_entropy", loss)
        val_loss, val_accuracy = evaluate(x_val, y_val)
        with validation_writer.as_default(step):
            tf.summary.scalar("accuracy", val_accuracy)
            tf.summary.scalar("cross_entropy", val_loss)
        train_writer.flush()
        validation_writer.flush()
train_writer.close()
validation_writer.close()

print("train accuracy:", accuracy.numpy())
print("val accuracy:", val_accuracy.numpy())
print("train cross entropy:", loss.numpy())
print("val cross entropy:", val_loss.numpy())
