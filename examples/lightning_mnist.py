"""Lightning: a small network learns MNIST's digits; the default logger logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/lightning_mnist.py

``self.log`` is all it takes; the logs go to lightning_logs/version_*, so every training is an experiment of its own.
"""

import argparse

import lightning
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="FILE.npz", help="MNIST as keras.datasets stores it; else torchvision fetches it")
parser.add_argument("--logdir", default="logs", help="default: %(default)s")
parser.add_argument("--epochs", type=int, default=5)
args = parser.parse_args()

if args.data:
    with np.load(args.data) as file:
        x, y, x_val, y_val = (torch.from_numpy(file[n]) for n in ("x_train", "y_train", "x_test", "y_test"))
else:
    from torchvision.datasets import MNIST

    train, test = (MNIST("data", train=train, download=True) for train in (True, False))
    x, y, x_val, y_val = train.data, train.targets, test.data, test.targets


class Digits(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 10))

    def measure(self, batch, split):
        images, labels = batch
        logits = self.model(images / 255)
        loss = cross_entropy(logits, labels)
        accuracy = (logits.argmax(1) == labels).float().mean()
        self.log_dict({f"{split}_loss": loss, f"{split}_acc": accuracy}, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def training_step(self, batch, _):
        return self.measure(batch, "train")

    def validation_step(self, batch, _):
        self.measure(batch, "val")

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-3)


lightning.seed_everything(0)
trainer = lightning.Trainer(
    max_epochs=args.epochs, default_root_dir=args.logdir, accelerator="cpu", enable_checkpointing=False
)
trainer.fit(
    Digits(),
    DataLoader(TensorDataset(x, y.long()), batch_size=128, shuffle=True),
    DataLoader(TensorDataset(x_val, y_val.long()), batch_size=1000),
)

final = trainer.callback_metrics
print("train accuracy:", final["train_acc"].item())
print("val accuracy:", final["val_acc"].item())
print("train cross entropy:", final["train_loss"].item())
print("val cross entropy:", final["val_loss"].item())
