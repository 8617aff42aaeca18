"""DeePMD-kit: the tag `l2_loss_test` in TensorBoard is the root mean square error of the training batch.

The run is called `train`, and no validation is logged at all: `lcurve.out` alone has it. The first value is what stands
there as `rmse_trn`, so it is no squared loss either. Beside the three losses there are more than a hundred tags of the
parameters' statistics.

Seen with deepmd-kit 3.2.0 (its TensorFlow backend), tensorflow-cpu 2.21.0, tensorboard 2.21.0:

    l2_loss_test at 0: 26.97; lcurve.out at 0: rmse_trn 27.0, rmse_val 28.4
"""

import json
import subprocess
import sys
from pathlib import Path

from _run import find, runs


def molecules(name: str, count: int, shift: int) -> None:
    """Write a data set of three atoms that are held by springs."""
    import numpy

    folder = Path(name, "set.000")
    folder.mkdir(parents=True)
    Path(name, "type.raw").write_text("0\n1\n1\n")
    Path(name, "type_map.raw").write_text("O\nH\n")
    noise = numpy.random.default_rng(shift).normal(0, 0.05, (count, 3, 3))
    places = numpy.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]) + noise
    numpy.save(folder / "coord.npy", places.reshape(count, 9))
    numpy.save(folder / "box.npy", numpy.tile(numpy.eye(3).ravel() * 10, (count, 1)))
    numpy.save(folder / "energy.npy", (places**2).sum((1, 2)))
    numpy.save(folder / "force.npy", (-2 * places).reshape(count, 9))


def finding() -> None:
    """Train for a hundred steps, and hold the event file against DeePMD-kit's own table."""
    molecules("train", 20, 0)
    molecules("val", 6, 1)
    descriptor = {"type": "se_e2_a", "sel": [4, 4], "rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "axis_neuron": 2}
    fitting = {"neuron": [8, 8], "seed": 1}
    training = {
        "training_data": {"systems": ["train"], "batch_size": 1},
        "validation_data": {"systems": ["val"], "batch_size": 1},
        "numb_steps": 100,
        "disp_freq": 10,
        "seed": 1,
        "tensorboard": True,
        "tensorboard_freq": 10,
    }
    wanted = {
        "model": {"type_map": ["O", "H"], "descriptor": {**descriptor, "seed": 1}, "fitting_net": fitting},
        "learning_rate": {"type": "exp", "start_lr": 0.01, "stop_lr": 1e-4, "decay_steps": 20},
        "loss": {"type": "ener"},
        "training": training,
    }
    Path("input.json").write_text(json.dumps(wanted))
    program = "import sys; from deepmd.main import main; main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", program, "--tf", "train", "input.json"], check=True, capture_output=True)
    (tags,) = runs("log").values()
    logged = tags["l2_loss_test"]
    header, first = (Path("lcurve.out").read_text().splitlines()[line] for line in (0, 2))
    said = dict(zip(header.lstrip("# ").split(), map(float, first.split()), strict=True))
    table = f"rmse_trn {said['rmse_trn']}, rmse_val {said['rmse_val']}"
    print(f"l2_loss_test at 0: {logged[0][1]:.2f}; lcurve.out at 0: {table}")
    assert [*runs("log")] == ["train"]
    assert [step for step, _ in logged] == [*range(0, 100, 10)]
    assert abs(logged[0][1] / said["rmse_trn"] - 1) < 0.01 < abs(said["rmse_val"] / said["rmse_trn"] - 1)
    assert {tag for tag in tags if "loss" in tag} == {"l2_loss_test", "l2_ener_loss_test", "l2_force_loss_test"}
    assert len(tags) > 100


PACKAGES = ["deepmd-kit==3.2.0", "mpich==5.0.2", "tensorflow-cpu==2.21.0", "tensorboard==2.21.0"]
find(PACKAGES, finding)
