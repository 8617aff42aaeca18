"""TorchRL's Trainer logs every second batch where `log_interval` is a batch, and nothing of a short training.

Seen with torchrl 0.14.1, tensordict 0.14.3, torch 2.13.0, gymnasium 1.4.0, tensorboard 2.21.0 (to read).

A value is written once more than `log_interval` frames have passed since the last one of its tag, the frames before
the first counted from 0. With as many frames per batch as in the interval, that is the second batch, the fourth and so
on; with the default of 10,000, a training up to there leaves an event file with no point at all.

    20 batches of 64 frames, log_interval 64: loss at 128, 256, ... 1280 (10 points)
    log_interval 1: loss at 64, 128, ... 1280 (20 points)
    default log_interval: 0 points
"""

from _run import find, runs


def train(logdir: str, **options) -> list[int]:
    """Train for 20 batches and return the steps of the loss in the event file."""
    import torch
    from tensordict.nn import TensorDictSequential
    from torchrl.collectors import Collector
    from torchrl.data import LazyTensorStorage, TensorDictReplayBuffer
    from torchrl.envs import GymEnv
    from torchrl.modules import EGreedyModule, QValueActor
    from torchrl.objectives import DQNLoss
    from torchrl.record.loggers.tensorboard import TensorboardLogger
    from torchrl.trainers import ReplayBufferTrainer, Trainer

    env = GymEnv("CartPole-v1")
    actor = QValueActor(torch.nn.Linear(4, 2), in_keys=["observation"], spec=env.action_spec)
    explorer = TensorDictSequential(actor, EGreedyModule(env.action_spec))
    loss = DQNLoss(actor, action_space=env.action_spec)
    loss.make_value_estimator(gamma=0.99)
    logger = TensorboardLogger(exp_name="dqn", log_dir=logdir)
    trainer = Trainer(
        collector=Collector(env, explorer, frames_per_batch=64, total_frames=1280),
        total_frames=1280,
        frame_skip=1,
        optim_steps_per_batch=1,
        loss_module=loss,
        optimizer=torch.optim.Adam(loss.parameters(), 1e-3),
        logger=logger,
        progress_bar=False,
        **options,
    )
    buffer = TensorDictReplayBuffer(storage=LazyTensorStorage(2000), batch_size=32)
    ReplayBufferTrainer(buffer, flatten_tensordicts=True).register(trainer)
    trainer.train()
    logger.experiment.close()
    return [step for step, _ in runs(logdir)["dqn"].get("loss", [])]


def finding() -> None:
    batch, each = train("batch", log_interval=64), train("each", log_interval=1)
    default = train("default")
    print(f"log_interval 64: loss at {batch}; log_interval 1: {len(each)} points; default: {len(default)} points")
    assert batch == list(range(128, 1281, 128))
    assert each == list(range(64, 1281, 64))
    assert default == []


packages = ["torchrl==0.14.1", "tensordict==0.14.3", "torch==2.13.0", "gymnasium==1.4.0", "tensorboard==2.21.0"]
find(packages, finding)
