"""PyTorch: a small convolutional network learns handwritten digits; torch's SummaryWriter logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/pytorch_digits.py

One writer; the tags say which curve a point belongs to. Its points are in the file at once; where TensorFlow is
installed beside torch, or the log directory is remote, ``flush()`` sends them there.
"""

import argparse

import digits
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.tensorboard import SummaryWriter

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", default="logs/digits-cnn", help="default: %(default)s")
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()

x, y, x_val, y_val = map(torch.from_numpy, digits.load())
x, x_val = x[:, None], x_val[:, None]

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(10),
)  # fmt: skip
model(x[:1])
optimizer = torch.optim.Adam(model.parameters())


def measure(logits, labels):
    """The cross entropy, and the share of right answers."""
    return cross_entropy(logits, labels), (logits.argmax(1) == labels).float().mean()


with SummaryWriter(args.logdir) as writer:
    for step in range(1, args.steps + 1):
        batch = torch.randint(len(x), (50,))
        loss, accuracy = measure(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            with torch.no_grad():
                val_loss, val_accuracy = measure(model(x_val), y_val)
            writer.add_scalar("Loss/train", loss, step)
            writer.add_scalar("Loss/val", val_loss, step)
            writer.add_scalar("Accuracy/train", accuracy, step)
            writer.add_scalar("Accuracy/val", val_accuracy, step)
            writer.flush()

print("train accuracy:", accuracy.item())
print("val accuracy:", val_accuracy.item())
print("train cross entropy:", loss.item())
print("val cross entropy:", val_loss.item())
