"""Fetch the small bundle of plotly.js into viewer/bundle/, which git ignores and the package carries.

    python contrib/fetch_plotly.py

Without npm, or when the registry cannot be reached, it says so and returns 0: pages then carry the full bundle of the
required ``plotly`` package, which is larger and draws the same. A bundle with another checksum ends it with 1.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "plotly.js-basic-dist-min@4.1.1"
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
FILES = ("plotly-basic.min.js", "LICENSE")
PLACE = Path(__file__).resolve().parent.parent / "viewer" / "bundle"
SECONDS = 60.0
"""How long npm may take."""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or "" when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def without(reason: str) -> int:
    """Say that pages use the full bundle, and why."""
    print(f"fetch_plotly: {reason}: pages use the full plotly.js of the plotly package", file=sys.stderr)
    return 0


def main() -> int:
    """Fetch the bundle unless it is there; return the exit code."""
    if digest(PLACE / FILES[0]) == SHA256:
        return 0
    npm = shutil.which("npm")
    if npm is None:
        return without("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, PACKAGE]
        try:
            subprocess.run(command, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            return without(f"npm pack failed ({error.__class__.__name__})")
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            contents = {name: packed.extractfile(f"package/{name}") for name in FILES}
            data = {name: file.read() for name, file in contents.items() if file}
    if hashlib.sha256(data[FILES[0]]).hexdigest() != SHA256:
        print(f"fetch_plotly: {PACKAGE} has an unexpected checksum: not used", file=sys.stderr)
        return 1
    PLACE.mkdir(exist_ok=True)
    for name, content in data.items():
        (PLACE / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
