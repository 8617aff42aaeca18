"""Lightning's steps in the event file are batches, not `trainer.global_step`: with two optimizers they differ by two.

A GAN with manual optimization steps two optimizers per batch. `trainer.global_step`, the name of the checkpoint and the
progress of `max_steps` count both; the event file counts the batch once. So `step=16.ckpt` is step 7 of the curve.

Seen with lightning 2.6.6, torch 2.13.0, tensorboard 2.21.0:

    8 batches: the file has the steps 0 .. 7, trainer.global_step is 16, the checkpoint is epoch=0-step=16.ckpt
"""

from pathlib import Path

from _run import find, runs


def finding() -> None:
    """Train eight batches with two optimizers."""
    import lightning
    import torch

    class Pair(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False
            self.generator = torch.nn.Linear(4, 4)
            self.critic = torch.nn.Linear(4, 1)

        def training_step(self, batch, _):
            for optimizer in self.optimizers():
                loss = self.critic(self.generator(batch[0])).pow(2).mean()
                optimizer.zero_grad()
                self.manual_backward(loss)
                optimizer.step()
            self.log("train_loss", loss)

        def configure_optimizers(self):
            return [torch.optim.SGD(part.parameters(), 0.01) for part in (self.generator, self.critic)]

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(32, 4)), batch_size=4)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(max_epochs=1, log_every_n_steps=1, accelerator="cpu", **quiet)
    trainer.fit(Pair(), data)
    steps = [step for step, _ in runs("lightning_logs")["version_0"]["train_loss"]]
    checkpoints = [file.name for file in Path("lightning_logs").rglob("*.ckpt")]
    print(f"steps in the file: {steps}; global_step: {trainer.global_step}; {checkpoints}")
    assert steps == [*range(8)]
    assert trainer.global_step == 16
    assert checkpoints == ["epoch=0-step=16.ckpt"]


find(["lightning==2.6.6", "torch==2.13.0", "tensorboard==2.21.0"], finding)
