"""Hugging Face: the Trainer teaches handwritten digits to a tiny vision transformer (random weights). Watch it with

    tbbridge watch logs            (in another terminal, before or after this one starts)
    python examples/huggingface_digits.py

``report_to="tensorboard"`` is all it takes; the logs go to <output_dir>/runs/<date>_<host>. The Trainer logs no
accuracy on the training set, so that curve stays empty.
"""

import argparse

import digits
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, set_seed

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", default="logs/digits-vit", help="default: %(default)s")
parser.add_argument("--steps", type=int, default=200)
args = parser.parse_args()

x, y, x_val, y_val = digits.load()


def rows(images, labels):
    return [{"pixel_values": one[None], "labels": int(label)} for one, label in zip(images, labels, strict=True)]


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


set_seed(0)
config = ViTConfig(
    image_size=8, patch_size=2, num_channels=1, num_labels=10,
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
    train_dataset=rows(x, y),
    eval_dataset=rows(x_val, y_val),
    compute_metrics=accuracy,
)
trainer.train()

last = {key: value for entry in trainer.state.log_history for key, value in entry.items()}
print("val accuracy:", last["eval_accuracy"])
print("train cross entropy:", last["loss"])
print("val cross entropy:", last["eval_loss"])
