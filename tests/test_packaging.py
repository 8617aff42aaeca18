"""What a user installs: the sdist and the wheel, each built and tried in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import ROOT

from tbbridge.write.events import EventWriter

pytestmark = pytest.mark.timeout(900)  # two compilations, on a machine that may be busy

UNTRACKED = (
    "__pycache__",
    ".*",
    "*.so",
    "*.py[cod]",
    "*.egg-info",
    "_native.c",
    "build",
    "dist",
    "data",
    "node_modules",
)
"""What a checkout has beside the project's files; `data` is what benchmarks generate."""

RUN_LOG = """\
step,train accuracy,val accuracy,train cross entropy,val cross entropy
1,0.5,,,
2,0.75,0.625,,
"""


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would: from `cwd`, without this test run's Python paths."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "TBBRIDGE"))}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=880
    )


def succeed(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = run(*command, cwd=cwd, env=env)
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pip_wheel(source: Path, out: Path, env: Mapping[str, str] | None = None) -> Path:
    """Build the wheel of a source tree with the build tools of this environment."""
    arguments = ("--no-deps", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", out, source)
    succeed(sys.executable, "-m", "pip", "wheel", "--quiet", *arguments, cwd=out.parent, env=env)
    (wheel,) = out.glob("*.whl")
    return wheel


class Installed:
    """A wheel in an environment of its own; the libraries it depends on are seen from this one, to be quick."""

    def __init__(self, wheel: Path, home: Path) -> None:
        venv.create(home, symlinks=True)
        self.python = home / "bin" / "python"
        self.home = home
        arguments = ("--no-deps", "--no-index", "--quiet", wheel)
        succeed(sys.executable, "-m", "pip", "--python", self.python, "install", *arguments, cwd=home)
        (site,) = home.glob("lib/python*/site-packages")
        (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def tbbridge(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return run(self.home / "bin" / "tbbridge", *arguments, cwd=cwd)

    def ask(self, expression: str, *, cwd: Path) -> str:
        return succeed(self.python, "-c", f"import tbbridge; print({expression})", cwd=cwd).strip()


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of a clean copy of this checkout."""
    copy = tmp_path_factory.mktemp("checkout") / "tbbridge"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*UNTRACKED))
    out = tmp_path_factory.mktemp("sdist")
    succeed(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", out, cwd=copy)
    (built,) = out.glob("*.tar.gz")
    return built


def unpack(sdist: Path, home: Path) -> Path:
    """The source tree of an sdist, as nobody has built in it before."""
    with tarfile.open(sdist) as archive:
        archive.extractall(home, filter="data")
    (unpacked,) = home.iterdir()
    return unpacked


@pytest.fixture(scope="module")
def source(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    return unpack(sdist, tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist, as the published ones are: for this and all later Pythons."""
    wheel = pip_wheel(source, tmp_path_factory.mktemp("wheel") / "out", env={"TBBRIDGE_ABI3": "1"})
    assert sys.version_info < (3, 11) or "-cp311-abi3-" in wheel.name
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def uncompiled(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Installed from source where there is no compiler."""
    source = unpack(sdist, tmp_path_factory.mktemp("uncompiled-source"))
    without = {"CC": "/nonexistent/cc", "CXX": "/nonexistent/c++", "LDSHARED": "/nonexistent/cc"}
    wheel = pip_wheel(source, tmp_path_factory.mktemp("plain") / "out", env=without)
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    return Installed(wheel, tmp_path_factory.mktemp("uncompiled"))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A log directory with one tiny training, `exp`, whose run log is `RUN_LOG`."""
    for split, points in {"train": [(1, 0.5), (2, 0.75)], "validation": [(2, 0.625)]}.items():
        folder = tmp_path / "logs" / "exp" / split
        folder.mkdir(parents=True)
        with EventWriter(folder / "events.out.tfevents.1.host", wall_time=1.0) as writer:
            for step, value in points:
                writer.scalar("epoch_accuracy", step=step, wall_time=float(step), value=value)
    return tmp_path / "logs"


def project_files(*folders: str) -> set[str]:
    """The project's own files below `folders`, relative to the root."""
    ignored = shutil.ignore_patterns(*UNTRACKED)
    found = set()
    for folder in folders:
        for here, directories, names in os.walk(ROOT / folder):
            directories[:] = set(directories) - ignored(here, directories)
            found |= {str((Path(here) / name).relative_to(ROOT)) for name in set(names) - ignored(here, names)}
    return found


def test_the_sdist_has_all_that_is_needed(source: Path) -> None:
    """The sdist has the code, the tests, the examples and the docs: whoever packages it anew can build and test it."""
    wanted = project_files("tbbridge", "viewer", "fixtures", "tests", "examples", "benchmarks", "docs")
    wanted |= {
        "Makefile",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "setup.py",
        "setup.cfg",
        "pyproject.toml",
    }
    have = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert wanted - have == set()
    assert not [name for name in have if name.endswith((".so", "_native.c", ".pyc"))]


def test_the_wheel_has_the_package_whole(wheel: Path) -> None:
    """The wheel has every file of the package, the viewer with its assets, and the demo's trainings."""
    have = set(zipfile.ZipFile(wheel).namelist())
    package = project_files("tbbridge")
    moved = {f"tbbridge/{name}" for name in project_files("viewer", "fixtures/demo") if not name.endswith(".md")}
    assert (package | moved) - have == set()
    tops = {name.split("/")[0] for name in have}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"tbbridge"}
    assert [name for name in have if name.endswith(".data/data/share/bash-completion/completions/tbbridge")]


def test_the_installed_package_is_the_one_that_runs(installed: Installed, tmp_path: Path) -> None:
    """From any directory, the installed package is imported, with its viewer and fixtures, typed and compiled."""
    assert installed.ask("tbbridge.__file__", cwd=tmp_path).startswith(str(installed.home))
    package = Path(installed.ask("tbbridge.__path__[0]", cwd=tmp_path))
    assert all((package / name).exists() for name in ("py.typed", "viewer/assets", "fixtures/demo"))
    shown = installed.tbbridge("--version", cwd=tmp_path)
    assert (shown.returncode, shown.stdout.startswith("tbbridge "), "compiled" in shown.stdout) == (0, True, True)


def test_the_installed_package_exports(installed: Installed, logs: Path, tmp_path: Path) -> None:
    """`tbbridge export` of the installed wheel writes the run log, without a warning."""
    done = installed.tbbridge("export", str(logs), cwd=tmp_path)
    assert done.returncode == 0
    assert "arning" not in done.stderr
    assert (tmp_path / "logs-csv" / "exp.csv").read_text() == RUN_LOG


def test_an_install_without_a_compiler_goes_on(uncompiled: Installed, logs: Path, tmp_path: Path) -> None:
    """Where nothing compiles, the plain decoder gives the same run log; one warning tells how to get the fast one."""
    assert "plain" in uncompiled.tbbridge("--version", cwd=tmp_path).stdout
    done = uncompiled.tbbridge("export", str(logs), cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "logs-csv" / "exp.csv").read_text() == RUN_LOG
    (warning,) = [line for line in done.stderr.splitlines() if "compile" in line]
    assert "install a C compiler" in warning
