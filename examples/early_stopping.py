r"""Early stopping for any framework: start a training, follow its logs, end it when validation stops getting better.

    python examples/early_stopping.py --logdir logs/long -- \
        python examples/pytorch_digits.py --logdir logs/long --steps 99999

The training needs no change and knows nothing of this: what it logs is enough. It is ended by SIGTERM.
"""

import argparse
import subprocess

import tbbridge

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--logdir", required=True, help="where the training logs")
parser.add_argument("--column", default="val cross entropy", help="default: %(default)s")
parser.add_argument("--patience", type=int, default=20, help="points without a new lowest value (default: %(default)s)")
parser.add_argument("command", nargs="+", help="the training's command line, after --")
args = parser.parse_args()
stop = tbbridge.Condition(f'"{args.column}" no better for {args.patience}')

with (
    subprocess.Popen(args.command) as training,
    tbbridge.follow(args.logdir, poll_interval=0.5, timeout=1.0) as updates,
):
    points, stopped, ended = None, False, False
    while not ended:
        ended = training.poll() is not None  # looked at before the updates, so that the last ones are seen
        for update in updates:  # until a second has passed without news
            points = update.columns[args.column]
            if not stopped and stop.first(update.columns):
                stopped = True
                training.terminate()

if points is None:
    raise SystemExit(f"nothing was logged in {args.logdir}")
best = int(points.value.argmin())
print("stopped early" if stopped else "came to its end", "at step", points.step[-1])
print(f"best {args.column}:", points.value[best], "at step", points.step[best])
