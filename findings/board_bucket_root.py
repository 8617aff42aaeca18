"""TensorBoard shows nothing of `s3://bucket`, and everything of `s3://bucket/directory`.

Seen with tensorboard 2.21.0 without TensorFlow, boto3 1.43.117, moto 5.2.5 (the store), tensorboardX 2.6.5.

The same two runs lie at the root of a bucket and in a directory below it. TensorBoard starts for each of the four ways
to name them. For the bucket itself it stays empty: its loader ends with a ValueError, about a missing slash without one
at the end, about a path that is no directory with one.

    s3://bucket: 0 runs
    s3://bucket/: 0 runs
    s3://bucket/directory: 2 runs
    s3://bucket/directory/: 2 runs
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from _board import Board
from _run import find


def store() -> None:
    """Put two runs into a bucket, at its root and in a directory."""
    import boto3
    from tensorboardX import SummaryWriter

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    for run in ("a", "b"):
        with SummaryWriter(f"logs/{run}") as writer:
            writer.add_scalar("loss", 0.5, 1)
        for file in Path("logs", run).iterdir():
            for key in (f"{run}/{file.name}", f"directory/{run}/{file.name}"):
                s3.upload_file(str(file), "bucket", key)


def runs(logdir: str) -> tuple[int, bool]:
    """Return how many runs TensorBoard shows, and whether its loader ended with a ValueError."""
    with Board(logdir, None) as board:
        for _ in range(40):
            time.sleep(1.5)
            try:
                found = board.ask("plugin/scalars/tags")
            except OSError:
                continue
            failed = "ValueError" in board.log()
            if len(found) == 2 or failed:
                return len(found), failed
    raise AssertionError(f"TensorBoard said nothing about {logdir} for a minute")


def finding() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"S3_ENDPOINT": address, "AWS_ENDPOINT_URL": address}
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            time.sleep(0.3)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        store()
        seen = {}
        for logdir in ("s3://bucket", "s3://bucket/", "s3://bucket/directory", "s3://bucket/directory/"):
            seen[logdir] = runs(logdir)
            print(f"{logdir}: {seen[logdir][0]} runs")
    finally:
        server.terminate()
        server.wait()
    assert list(seen.values()) == [(0, True), (0, True), (2, False), (2, False)]


if __name__ == "__main__":
    packages = ["tensorboard==2.21.0", "tensorboardX==2.6.5", "boto3==1.43.117", "moto[server]==5.2.5"]
    find(packages, finding)
