"""PyTorch: a small convolutional network learns MNIST's digits; torch's SummaryWriter logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/pytorch_mnist.py

One writer; the tags say which curve a point belongs to. ``flush()`` sends the points on at once; without it a writer
keeps them for up to two minutes.
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.tensorboard import SummaryWriter

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="FILE.npz", help="MNIST as keras.datasets stores it; else torchvision fetches it")
parser.add_argument("--logdir", default="logs/pytorch_mnist", help="default: %(default)s")
parser.add_argument("--steps", type=int, default=1000)
args = parser.parse_args()

if args.data:
    with np.load(args.data) as file:
        x, y, x_val, y_val = (torch.from_numpy(file[n]) for n in ("x_train", "y_train", "x_test", "y_test"))
else:
    from torchvision.datasets import MNIST

    train, test = (MNIST("data", train=train, download=True) for train in (True, False))
    x, y, x_val, y_val = train.data, train.targets, test.data, test.targets
x, x_val = (images[:, None] / 255 for images in (x, x_val[:1000]))
y, y_val = y.long(), y_val[:1000].long()

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.LazyLinear(10),
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
