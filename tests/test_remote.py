"""Export, the Python API, watch, view, check against real servers, each a process of its own: S3, Google, and HTTP.

S3 is moto's server, Google Cloud Storage gcp-storage-emulator, and HTTP Python's own server, which knows no ranges.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest
from logs import files_of, write_experiment, write_run
from support import free_port, run_cli, run_together, running_cli, stop, wait_until

import tbbridge


@dataclass
class Bucket:
    """A bucket with a log directory in it, on a server."""

    url: str
    env: dict[str, str]
    fs: fsspec.AbstractFileSystem

    def upload(self, logdir: Path) -> None:
        """What a training that syncs its log directory does: every object whole."""
        for name, data in files_of(logdir).items():
            self.fs.pipe_file(f"bucket/trainings/logs/{name}", data)

    def remove(self) -> None:
        """The bucket is gone, with all that is in it."""
        for step in (lambda: self.fs.rm("bucket/trainings", recursive=True), lambda: self.fs.rmdir("bucket")):
            with contextlib.suppress(FileNotFoundError):
                step()


@contextlib.contextmanager
def serving(log: Path, ready: str, *command: str) -> Iterator[None]:
    """``python -m COMMAND`` runs, and has said `ready`."""
    with log.open("w") as sink:
        process = subprocess.Popen([sys.executable, "-u", "-m", *command], stdout=sink, stderr=sink)
    try:
        wait_until(lambda: ready in log.read_text(), timeout=60)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which fsspec finds an S3 server."""
    port = str(free_port())
    with serving(tmp_path_factory.mktemp("moto") / "log", "Running on", "moto.server", "-p", port):
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@pytest.fixture(scope="module")
def gs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which fsspec finds a Google server."""
    port = str(free_port())
    command = ("gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", port, "--in-memory")
    with serving(tmp_path_factory.mktemp("gcs") / "log", "All services started", *command):
        yield {
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # it would ask for the kind of bucket by gRPC
            "PYTHONWARNINGS": "ignore::FutureWarning",  # Google's libraries complain of Python 3.10
        }


@pytest.fixture(params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket, and an environment that finds it."""
    env = request.getfixturevalue(request.param)
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    kind = fsspec.get_filesystem_class(request.param)
    kind.clear_instance_cache()
    fs = fsspec.filesystem(request.param, use_listings_cache=False)
    fs.mkdir("bucket")
    made = Bucket(f"{request.param}://bucket/trainings/logs", env, fs)
    yield made
    made.remove()
    kind.clear_instance_cache()


def test_an_export_is_the_same_as_from_a_disk(bucket: Bucket, tmp_path: Path) -> None:
    """Run logs, the long table and data frames of a prefix equal those of the directory that was uploaded."""
    write_experiment(tmp_path / "logs", "a")
    write_experiment(tmp_path / "logs", "b", steps=3000)
    bucket.upload(tmp_path / "logs")
    tbbridge.export(bucket.url, tmp_path / "remote")
    tbbridge.export(tmp_path / "logs", tmp_path / "local")
    assert files_of(tmp_path / "remote") == files_of(tmp_path / "local") != {}
    (far,) = tbbridge.export(bucket.url, tmp_path / "far.csv", layout="long")
    (near,) = tbbridge.export(tmp_path / "logs", tmp_path / "near.csv", layout="long")
    assert far.read_bytes() == near.read_bytes()
    assert tbbridge.read_scalars(bucket.url).equals(tbbridge.read_scalars(tmp_path / "logs"))


@pytest.mark.parametrize("end", ["", "/"])
def test_a_bucket_itself_is_a_log_directory(bucket: Bucket, tmp_path: Path, end: str) -> None:
    """Its URL without a path finds the runs in it, where TensorBoard finds none in an S3 bucket."""
    write_experiment(tmp_path / "trainings/logs", "a")
    bucket.upload(tmp_path / "trainings/logs")
    root = bucket.url.removesuffix("/trainings/logs") + end
    assert tbbridge.read_scalars(root).equals(tbbridge.read_scalars(tmp_path))
    assert list(tbbridge.read_run_logs(root)) == ["trainings/logs/a"]


def test_a_page_and_one_file_are_the_same_as_from_a_disk(bucket: Bucket, tmp_path: Path) -> None:
    """The page has each file's SHA-256; the URL of one event file is a log directory of one file."""
    write_experiment(tmp_path / "logs", "a")
    bucket.upload(tmp_path / "logs")
    (far,) = tbbridge.export(bucket.url, tmp_path / "far.html")
    (near,) = tbbridge.export(tmp_path / "logs", tmp_path / "near.html")
    assert far.read_bytes() == near.read_bytes()
    name = "a/train/events.out.tfevents.1.host"
    one = tbbridge.scalars_table(f"{bucket.url}/{name}")
    assert one.equals(tbbridge.scalars_table(tmp_path / "logs" / name))
    assert one.num_rows == 8


def test_watch_follows_uploads_that_grow(bucket: Bucket, tmp_path: Path) -> None:
    """The published run log equals a local export after each upload; without --out it goes to the working directory."""
    logdir, work = tmp_path / "logs", tmp_path / "work"
    work.mkdir()
    out = work / "logs-csv" / "a.csv"
    with running_cli(
        "watch", bucket.url, "--no-viewer", "--poll-interval", "0.1", cwd=work, env=bucket.env, output=tmp_path / "out"
    ) as process:
        for steps in (3, 50, 2000):
            write_experiment(logdir, "a", steps=steps)
            bucket.upload(logdir)
            (local,) = tbbridge.export(logdir, tmp_path / "local")
            wait_until(lambda: out.exists() and out.read_bytes() == local.read_bytes(), timeout=30)  # noqa: B023
        bucket.remove()
        assert out.read_bytes() == local.read_bytes()
        assert stop(process) == 0
    assert out.read_bytes() == local.read_bytes()


def test_view_shows_a_bucket(bucket: Bucket, tmp_path: Path) -> None:
    """A source of the live page: its points arrive as the uploads grow; with the bucket gone, they stay."""
    write_experiment(tmp_path / "logs", "a", steps=10)
    bucket.upload(tmp_path / "logs")
    with tbbridge.open_source(bucket.url, poll_interval=0.1) as source:
        wait_until(lambda: source.names() == ["a"] and points(source) == 10)
        write_experiment(tmp_path / "logs", "a", steps=300)
        bucket.upload(tmp_path / "logs")
        wait_until(lambda: points(source) == 300)
        bucket.remove()
        wait_until(lambda: "gone" in source.view("a").state or source.status())
        assert points(source) == 300
    assert not list(tmp_path.glob("*csv*"))


def points(source: tbbridge.Source) -> int:
    view = source.view("a")
    return len(view.columns["train accuracy"].step) if view and "train accuracy" in view.columns else 0


def test_damage_in_an_object_is_found_as_on_a_disk(bucket: Bucket, tmp_path: Path) -> None:
    """The same ranges, the same points around them; check, inspect and repair say the same of a URL as of a disk."""
    path = write_run(tmp_path / "logs" / "x", loss=[(step, step) for step in range(5000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    bucket.upload(tmp_path / "logs")
    (far,) = tbbridge.read(bucket.url).files["x"]
    (near,) = tbbridge.read(tmp_path / "logs").files["x"]
    assert far.damage == near.damage != []
    assert len(far.scalars.step) == len(near.scalars.step) == 4999
    name = "x/events.out.tfevents.1.host"
    asked = [[command, place] for command in ("check", "inspect") for place in (bucket.url, tmp_path / "logs")]
    mended = [["repair", place, "-o", tmp_path / str(i)] for i, place in enumerate((f"{bucket.url}/{name}", path))]
    *shown, far_mended, near_mended = run_together(*asked, *mended)
    assert (far_mended.returncode, near_mended.returncode) == (0, 0)
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()
    for there, here in zip(shown[::2], shown[1::2], strict=True):
        assert (there.returncode, there.stderr) == (here.returncode, here.stderr)
        assert there.stdout.replace(bucket.url, str(tmp_path / "logs")) == here.stdout
        assert there.returncode == 1


def test_a_bucket_that_is_not_there_is_one_line(bucket: Bucket, tmp_path: Path) -> None:
    """Exit code 2, one line on standard error, nothing written."""
    url = bucket.url.replace("bucket", "other")
    commands = (["export", url, "--out", "-"], ["inspect", url], ["check", url], ["repair", url, "-o", "new"])
    for done in run_together(*commands, cwd=tmp_path):
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert url in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["s3", "http", "hdfs", "webhdfs"])
def test_a_server_that_is_not_there_is_one_line(tmp_path: Path, kind: str) -> None:
    """Exit code 2, and one line on standard error that says so."""
    host = f"127.0.0.1:{free_port()}"
    env = {"AWS_ENDPOINT_URL": f"http://{host}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    url = f"{kind}://{'bucket' if kind == 's3' else host}/logs"
    for done in run_together(["export", url, "--out", "-"], ["inspect", url], ["check", url], cwd=tmp_path, env=env):
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert f"cannot list {url}" in done.stderr
        assert len(done.stderr) < 500


SHOUTING = """
import logging, fsspec, sys

class Shouting(fsspec.AbstractFileSystem):
    def ls(self, *_, **__):
        logging.getLogger(__name__).error("retries exhausted", exc_info=True)
        raise OSError("no answer " * 10_000)

Shouting.__module__ = "shouting.core"
__name__ = "shouting.core"
fsspec.register_implementation("shouting", Shouting)
from tbbridge.cli import main
sys.exit(main(["export", "shouting://x/logs"]))
"""


def test_what_a_library_logs_is_not_shown(tmp_path: Path) -> None:
    """A library that logs its errors with tracebacks, and raises books: still one short line."""
    command = [sys.executable, "-c", SHOUTING]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("tbbridge: cannot list shouting://x/logs: no answer no answer")
    assert len(done.stderr) < 500


def test_no_credentials_are_one_line(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 2, one line on standard error, nothing written."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(key, raising=False)
    env = {key: value for key, value in s3.items() if "KEY" not in key}
    done = run_cli("export", "s3://bucket/logs", cwd=tmp_path, env={**env, "HOME": str(tmp_path)})
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "credentials" in done.stderr.lower()
    assert list(tmp_path.iterdir()) == []


def test_a_web_server_without_ranges_or_sizes(tmp_path: Path) -> None:
    """A listing that tells no size, and a server that sends all of a file whatever part is asked for."""
    write_run(tmp_path / "logs" / "a" / "train", accuracy=[(step, step) for step in range(20)])
    port = str(free_port())
    command = ("http.server", port, "--bind", "127.0.0.1", "--directory", str(tmp_path / "logs"))
    url = f"http://127.0.0.1:{port}/"
    with (
        serving(tmp_path / "log", "Serving HTTP", *command),
        tbbridge.open_source(url, poll_interval=0.1) as source,
    ):
        wait_until(lambda: source.names() and points(source) == 20)
        assert tbbridge.scalars_table(url).equals(tbbridge.scalars_table(tmp_path / "logs"))
        generation = source.view("a").generation
        write_run(tmp_path / "next" / "a" / "train", accuracy=[(step, step) for step in range(100_000)])
        for name in files_of(tmp_path / "next"):
            os.replace(tmp_path / "next" / name, tmp_path / "logs" / name)
        wait_until(lambda: points(source) == 100_000)
        assert source.view("a").generation == generation
