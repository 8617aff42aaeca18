"""Print the oldest versions that setup.cfg allows, as a requirements file: ``python contrib/lowest.py test``.

The arguments name extras; `make lowest` installs what this prints and runs the tests that need no training framework.
"""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "setup.cfg"

FRAMEWORKS = ("torch", "tensorflow", "tensorflow-cpu")
"""Left out: they are pinned or huge, and only write what the other tests read."""


def requirements(extras: list[str]) -> list[str]:
    """Every requirement of the package and of `extras`, with its lower bound as an exact version."""
    config = configparser.ConfigParser()
    config.read(SETUP)
    texts = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    lines = dict.fromkeys(line for text in texts for line in text.split("\n") if line)
    wanted = [line for line in lines if re.match(r"[\w.-]+", line)[0] not in FRAMEWORKS]  # type: ignore[index]
    return [line.replace(">=", "==") for line in wanted]


if __name__ == "__main__":
    print(*requirements(sys.argv[1:]), sep="\n")
