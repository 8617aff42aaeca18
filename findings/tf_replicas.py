"""TensorFlow: a scalar that is logged inside a MirroredStrategy's step is the first replica's alone, in silence.

`tf.summary.scalar` runs in each replica, and only replica 0 writes. The loss in the file is that of its part of the
batch, neither the mean nor the sum of the replicas.

Seen with tensorflow-cpu 2.21.0, tensorboard 2.21.0:

    two replicas with loss 0 + step and 100 + step: the file has (0, 0), (1, 1), (2, 2)
"""

from _run import find, runs


def finding() -> None:
    """Log from two replicas on two logical CPUs."""
    import tensorflow

    (cpu,) = tensorflow.config.list_physical_devices("CPU")
    tensorflow.config.set_logical_device_configuration(cpu, [tensorflow.config.LogicalDeviceConfiguration()] * 2)
    strategy = tensorflow.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    writer = tensorflow.summary.create_file_writer("logs")
    seen = []

    @tensorflow.function
    def train(step):
        def replica():
            number = tensorflow.distribute.get_replica_context().replica_id_in_sync_group
            loss = 100.0 * tensorflow.cast(number, "float32") + tensorflow.cast(step, "float32")
            tensorflow.summary.scalar("loss", loss, step)
            return loss

        with writer.as_default():
            return strategy.run(replica)

    for step in range(3):
        losses = train(tensorflow.constant(step, "int64"))
        seen.append([float(loss) for loss in strategy.experimental_local_results(losses)])
    writer.close()
    written = runs("logs")["."]["loss"]
    print(f"the replicas' losses: {seen}; the file: {written}")
    assert seen == [[0, 100], [1, 101], [2, 102]]
    assert written == [(0, 0), (1, 1), (2, 2)]


find(["tensorflow-cpu==2.21.0", "tensorboard==2.21.0"], finding)
