"""Tools of Debian and of the npm registry, in the folder of a finding."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def debian(*packages: str) -> Path:
    """Unpack Debian packages into the working directory, without installing them; return where their files are.

    Args:
        packages: Each as name=version. What they depend on has to be there already, or to be named.
    """
    root = Path("debian").absolute()
    subprocess.run(["apt-get", "download", "-qq", *packages], check=True, stderr=subprocess.DEVNULL)
    for package in Path(".").glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    return root


def npm(*packages: str) -> None:
    """Install npm packages into the working directory, each as name@version."""
    Path("package.json").write_text('{"type": "module"}')
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", *packages]
    subprocess.run(command, check=True)


def node(program: str) -> str:
    """Run a JavaScript module in the working directory and return what it prints."""
    Path("program.mjs").write_text(program)
    return subprocess.run(["node", "program.mjs"], check=True, capture_output=True, text=True).stdout


def needs(**programs: str) -> None:
    """Install what is missing of Debian's packages, and leave it there; this needs root.

    Args:
        programs: The packages of each program that has to be there.
    """
    for program, packages in programs.items():
        if shutil.which(program) is None:
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages.split()]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
