"""Export, the Python API and watch against a real S3 server (moto's), started as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs
from logs import files_of, write_experiment, write_run
from support import free_port, run_cli, running_cli, stop, wait_until

import tbbridge

URL = "s3://bucket/trainings/logs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which fsspec finds the server."""
    port = free_port()
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("w") as sink:
        process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=sink, stderr=sink)
    try:
        wait_until(lambda: "Running on" in log.read_text(), timeout=60)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def bucket(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[s3fs.S3FileSystem]:
    """An empty bucket, and an environment that finds it."""
    for key, value in server.items():
        monkeypatch.setenv(key, value)
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem(use_listings_cache=False)
    fs.mkdir("bucket")
    yield fs
    if fs.exists("bucket"):
        fs.rm("bucket", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def upload(fs: s3fs.S3FileSystem, logdir: Path) -> None:
    """What a training that syncs its log directory does: every object whole."""
    for name, data in files_of(logdir).items():
        fs.pipe_file(f"bucket/trainings/logs/{name}", data)


def test_an_export_is_the_same_as_from_a_disk(bucket: s3fs.S3FileSystem, tmp_path: Path) -> None:
    """Run logs, the long table and data frames of an S3 prefix equal those of the directory that was uploaded."""
    write_experiment(tmp_path / "logs", "a")
    write_experiment(tmp_path / "logs", "b", steps=3000)
    upload(bucket, tmp_path / "logs")
    tbbridge.export(URL, tmp_path / "remote")
    tbbridge.export(tmp_path / "logs", tmp_path / "local")
    assert files_of(tmp_path / "remote") == files_of(tmp_path / "local") != {}
    (far,) = tbbridge.export(URL, tmp_path / "far.csv", layout="long")
    (near,) = tbbridge.export(tmp_path / "logs", tmp_path / "near.csv", layout="long")
    assert far.read_bytes() == near.read_bytes()
    assert tbbridge.read_scalars(URL).equals(tbbridge.read_scalars(tmp_path / "logs"))


def test_watch_follows_uploads_that_grow(bucket: s3fs.S3FileSystem, server: dict[str, str], tmp_path: Path) -> None:
    """The published run log equals a local export after each upload; without --out it goes to the working directory."""
    logdir, work = tmp_path / "logs", tmp_path / "work"
    work.mkdir()
    out = work / "logs-csv" / "a.csv"
    with running_cli(
        "watch", URL, "--no-viewer", "--poll-interval", "0.1", cwd=work, env=server, output=tmp_path / "out"
    ) as process:
        for steps in (3, 50, 2000):
            write_experiment(logdir, "a", steps=steps)
            upload(bucket, logdir)
            (local,) = tbbridge.export(logdir, tmp_path / "local")
            wait_until(lambda: out.exists() and out.read_bytes() == local.read_bytes(), timeout=30)  # noqa: B023
        bucket.rm("bucket", recursive=True)
        assert out.read_bytes() == local.read_bytes()
        assert stop(process) == 0
    assert out.read_bytes() == local.read_bytes()


def test_view_shows_a_bucket(bucket: s3fs.S3FileSystem, tmp_path: Path) -> None:
    """A source of the live page: its points arrive as the uploads grow; with the bucket gone, they stay."""
    write_experiment(tmp_path / "logs", "a", steps=10)
    upload(bucket, tmp_path / "logs")
    with tbbridge.open_source(URL, poll_interval=0.1) as source:
        wait_until(lambda: source.names() == ["a"] and points(source) == 10)
        write_experiment(tmp_path / "logs", "a", steps=300)
        upload(bucket, tmp_path / "logs")
        wait_until(lambda: points(source) == 300)
        bucket.rm("bucket", recursive=True)
        wait_until(lambda: "gone" in source.view("a").state or source.status())
        assert points(source) == 300
    assert not list(tmp_path.glob("*csv*"))


def points(source: tbbridge.Source) -> int:
    view = source.view("a")
    return len(view.columns["train accuracy"].step) if view else 0


def test_a_bucket_that_is_not_there_and_no_credentials_are_one_line(
    bucket: s3fs.S3FileSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit code 2, one line on standard error, nothing written."""
    done = run_cli("export", "s3://other/logs", cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "s3://other/logs" in done.stderr
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(key)
    done = run_cli("export", URL, cwd=tmp_path, env={"HOME": str(tmp_path)})
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "credentials" in done.stderr.lower()
    assert list(tmp_path.iterdir()) == []


def test_damage_in_an_object_is_found_as_on_a_disk(bucket: s3fs.S3FileSystem, tmp_path: Path) -> None:
    """The same ranges, the same points around them."""
    path = write_run(tmp_path / "logs" / "x", loss=[(step, step) for step in range(5000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    upload(bucket, tmp_path / "logs")
    (far,) = tbbridge.read(URL).files["x"]
    (near,) = tbbridge.read(tmp_path / "logs").files["x"]
    assert far.damage == near.damage != []
    assert len(far.scalars.step) == len(near.scalars.step) == 4999
