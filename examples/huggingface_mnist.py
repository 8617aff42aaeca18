"""Hugging Face: the Trainer teaches MNIST's digits to a tiny vision transformer (random weights). Watch it with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/huggingface_mnist.py

``report_to="tensorboard"`` is all it takes; the logs go to <output_dir>/runs/<date>_<host>. The Trainer logs no
accuracy on the training set, so that curve stays empty.
"""

import argparse

import numpy as np
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, set_seed

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="FILE.npz", help="MNIST as keras.datasets stores it; else torchvision fetches it")
parser.add_argument("--logdir", default="logs/huggingface_mnist", help="default: %(default)s")
parser.add_argument("--steps", type=int, default=400)
args = parser.parse_args()

if args.data:
    with np.load(args.data) as file:
        x, y, x_val, y_val = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
else:
    from torchvision.datasets import MNIST

    train, test = (MNIST("data", train=train, download=True) for train in (True, False))
    x, y, x_val, y_val = (part.numpy() for part in (train.data, train.targets, test.data, test.targets))


def rows(images, labels):
    pixels = images[:, None].astype("float32") / 255
    return [{"pixel_values": one, "labels": int(label)} for one, label in zip(pixels, labels, strict=True)]


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


set_seed(0)
config = ViTConfig(
    image_size=28, patch_size=7, num_channels=1, num_labels=10,
    hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
)  # fmt: skip
arguments = TrainingArguments(
    output_dir=args.logdir,
    max_steps=args.steps,
    per_device_train_batch_size=64,
    per_device_eval_batch_size=250,
    learning_rate=2e-3,
    eval_strategy="steps",
    eval_steps=20,
    logging_steps=10,
    save_strategy="no",
    report_to="tensorboard",
    use_cpu=True,
)
trainer = Trainer(
    ViTForImageClassification(config),
    arguments,
    train_dataset=rows(x[:25600], y[:25600]),
    eval_dataset=rows(x_val[:1000], y_val[:1000]),
    compute_metrics=accuracy,
)
trainer.train()

last = {key: value for entry in trainer.state.log_history for key, value in entry.items()}
print("val accuracy:", last["eval_accuracy"])
print("train cross entropy:", last["loss"])
print("val cross entropy:", last["eval_loss"])
