"""Builds the compiled twin with clang's AddressSanitizer and fuzzes it: ``python campaign.py --minutes 15``.

Needs clang with its compiler-rt (Debian: ``apt-get install clang libclang-rt-14-dev``) and, in this Python, atheris,
Cython, numpy and setuptools. Findings are left as files in the working directory, which is kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(work: Path) -> None:
    """A copy of the package in `work`, its extension built with the sanitizers."""
    shutil.copytree(
        ROOT / "tbbridge", work / "tbbridge", ignore=shutil.ignore_patterns("*.so", "_native.c", "__pycache__")
    )
    (work / "viewer").mkdir()
    (work / "fixtures").mkdir()
    shutil.copy(ROOT / "setup.py", work)
    flags = "-fsanitize=address,fuzzer-no-link -fno-omit-frame-pointer -g -O1"
    environment = os.environ | {"CC": "clang", "CXX": "clang++", "CFLAGS": flags, "LDSHARED": "clang -shared"}
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=work, env=environment, check=True)


def seeds(corpus: Path) -> None:
    """Events to begin with: the soup of the tests, and a few whole files."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    from random import Random

    from decode import soup

    rng = Random(1)
    corpus.mkdir()
    for i in range(300):
        payload = soup.event(rng)
        (corpus / f"payload{i}").write_bytes(bytes([1]) + payload)
        events = [soup.event(rng)[:255] for _ in range(rng.randrange(1, 6))]
        file = b"".join(bytes([len(event)]) + event for event in events)
        (corpus / f"file{i}").write_bytes(bytes([2 + 3 * rng.randrange(84)]) + file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--work", type=Path, help="a directory to build and fuzz in (default: a new temporary one)")
    args = parser.parse_args()
    work = args.work or Path(tempfile.mkdtemp(prefix="tbbridge-fuzz-"))
    build(work)
    seeds(work / "corpus")
    import atheris

    preload = Path(atheris.path()) / "asan_with_fuzzer.so"
    environment = os.environ | {
        "LD_PRELOAD": str(preload),
        "PYTHONPATH": str(work),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16",
    }
    target = [sys.executable, str(Path(__file__).with_name("scan_target.py")), "corpus", "-max_len=4096"]
    print(f"fuzzing in {work}", flush=True)
    return subprocess.run(
        [*target, f"-max_total_time={int(args.minutes * 60)}", "-print_final_stats=1", "-verbosity=1"],
        cwd=work,
        env=environment,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
