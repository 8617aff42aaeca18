"""imitation: the step of a behavioural cloning's points counts its log entries, not its batches.

With `log_interval=5` a point is written every five batches, at the steps 0, 1, 2 ...; the batch is a tag of its own,
`bc/batch`. With another interval the same training has another length on the axis of steps.

Seen with imitation 1.0.1, stable-baselines3 2.2.1, gymnasium 0.29.1, torch 2.13.0, tensorboard 2.21.0:

    log_interval=5: bc/loss at [0, 1, 2, 3, 4, 5, 6, 7], bc/batch [0, 5, 10, 15, 20, 25, 30, 35]
    log_interval=10: bc/loss at [0, 1, 2, 3], bc/batch [0, 10, 20, 30]
"""

from _run import find, runs


def train(every: int) -> tuple[list[int], list[int]]:
    """Clone a policy in 40 batches; return the steps of the loss, and the batches that were logged."""
    import gymnasium
    import numpy
    from imitation.algorithms.bc import BC
    from imitation.data.types import Transitions
    from imitation.util.logger import configure

    world = gymnasium.make("CartPole-v1")
    seen = numpy.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    done = {"dones": numpy.zeros(200, bool), "infos": numpy.array([{}] * 200), "next_obs": seen}
    shown = Transitions(obs=seen, acts=(seen[:, 2] > 0).astype(int), **done)
    learner = BC(
        observation_space=world.observation_space,
        action_space=world.action_space,
        demonstrations=shown,
        rng=numpy.random.default_rng(0),
        batch_size=20,
        custom_logger=configure(f"every{every}", ["tensorboard"]),
    )
    learner.train(n_epochs=4, log_interval=every, progress_bar=False)
    (tags,) = runs(f"every{every}").values()
    return [step for step, _ in tags["bc/loss"]], [int(value) for _, value in tags["bc/batch"]]


def finding() -> None:
    """Train twice, with another interval of logging."""
    for every in (5, 10):
        steps, batches = train(every)
        print(f"log_interval={every}: bc/loss at {steps}, bc/batch {batches}")
        assert batches == [*range(0, 40, every)]
        assert steps == [*range(len(batches))]


PACKAGES = ["imitation==1.0.1", "stable-baselines3==2.2.1", "gymnasium==0.29.1", "torch==2.13.0", "tensorboard==2.21.0"]
find(PACKAGES, finding)
