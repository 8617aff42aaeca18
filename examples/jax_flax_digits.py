"""JAX and Flax: a small network learns handwritten digits; clu.metric_writers logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/jax_flax_digits.py

Names as in Flax's own examples: train_loss, train_accuracy, eval_loss, eval_accuracy.
"""

import argparse

import digits
import numpy as np
import optax
from clu import metric_writers
from flax import nnx

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", default="logs/digits-flax", help="default: %(default)s")
parser.add_argument("--steps", type=int, default=500)
args = parser.parse_args()

x, y, x_val, y_val = digits.load()
x, x_val = (images.reshape(len(images), -1) for images in (x, x_val))


class Network(nnx.Module):
    def __init__(self, pixels, rngs):
        self.hidden = nnx.Linear(pixels, 64, rngs=rngs)
        self.logits = nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, images):
        return self.logits(nnx.relu(self.hidden(images)))


def measure(model, images, labels):
    """The cross entropy, and the share of right answers."""
    logits = model(images)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    return loss, (logits.argmax(-1) == labels).mean()


@nnx.jit
def update(model, optimizer, images, labels):
    measured, gradients = nnx.value_and_grad(measure, has_aux=True)(model, images, labels)
    optimizer.update(model, gradients)
    return measured


model = Network(x.shape[1], nnx.Rngs(0))
optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
evaluate = nnx.jit(measure)
writer = metric_writers.SummaryWriter(args.logdir)
random = np.random.default_rng(0)
for step in range(1, args.steps + 1):
    batch = random.integers(len(x), size=50)
    loss, accuracy = update(model, optimizer, x[batch], y[batch])
    if step % 10 == 0:
        eval_loss, eval_accuracy = evaluate(model, x_val, y_val)
        writer.write_scalars(step, {"train_loss": loss, "train_accuracy": accuracy})
        writer.write_scalars(step, {"eval_loss": eval_loss, "eval_accuracy": eval_accuracy})
        writer.flush()
writer.close()

print("train accuracy:", float(accuracy))
print("val accuracy:", float(eval_accuracy))
print("train cross entropy:", float(loss))
print("val cross entropy:", float(eval_loss))
