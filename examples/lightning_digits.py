"""Lightning: a small network learns handwritten digits; the default logger logs it. Watch it live with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/lightning_digits.py

``self.log`` is all it takes; the logs go to lightning_logs/version_*, so every training is an experiment of its own.
"""

import argparse

import digits
import lightning
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", default="logs", help="default: %(default)s")
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()

x, y, x_val, y_val = map(torch.from_numpy, digits.load())


class Digits(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(8 * 8, 64), nn.ReLU(), nn.Linear(64, 10))

    def measure(self, batch, split):
        images, labels = batch
        logits = self.model(images)
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
    DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True),
    DataLoader(TensorDataset(x_val, y_val), batch_size=1000),
)

final = trainer.callback_metrics
print("train accuracy:", final["train_acc"].item())
print("val accuracy:", final["val_acc"].item())
print("train cross entropy:", final["train_loss"].item())
print("val cross entropy:", final["val_loss"].item())
