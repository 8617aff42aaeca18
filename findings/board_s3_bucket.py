"""TensorBoard without TensorFlow shows nothing of a whole S3 bucket, where it shows a directory in it.

Seen with tensorboard 2.21.0, torch 2.13.0, boto3 1.43.117, moto 5.2.5.

`tensorboard --logdir s3://bucket` starts and serves an empty page: each look at the bucket ends with a ValueError on
the terminal (`substring not found`), as its reader of S3 wants a key behind the bucket's name. `s3://bucket/` ends
with another one (`path exists and is not a directory`). With a directory of the same bucket all runs are there.
PyTorch's SummaryWriter("s3://bucket"), which writes through the same code, raises that error at once.

    s3://bucket: runs []
    s3://bucket/: runs []
    s3://bucket/exp: runs ['a', 'b']
    SummaryWriter: substring not found
"""

import logging
import os
import socket
import time

from _board import Board
from _run import find


def finding() -> None:
    import boto3
    from moto.server import ThreadedMotoServer
    from torch.utils.tensorboard import SummaryWriter

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys, AWS_ENDPOINT_URL=server, S3_ENDPOINT=server)
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store.start()
    try:
        boto3.client("s3").create_bucket(Bucket="bucket")
        for run in ("a", "b"):
            with SummaryWriter(f"s3://bucket/exp/{run}") as writer:
                for step in range(3):
                    writer.add_scalar("loss", 1.0 / (step + 1), step)
        try:
            SummaryWriter("s3://bucket")
        except ValueError as error:
            refused = str(error)
        print(f"SummaryWriter: {refused}")
        seen, said = {}, {}
        for logdir in ("s3://bucket/exp", "s3://bucket", "s3://bucket/"):
            with Board(logdir, None) as board:
                if logdir == "s3://bucket/exp":
                    board.wait_for("runs", lambda runs: len(runs) == 2)
                    assert len(board.points("a", "loss")) == 3
                else:
                    while "ValueError" not in board.log():
                        time.sleep(0.5)
                    time.sleep(5)
                seen[logdir], said[logdir] = board.ask("runs"), board.log()
            print(f"{logdir}: runs {seen[logdir]}")
    finally:
        store.stop()
    assert refused == "substring not found"
    assert seen == {"s3://bucket/exp": ["a", "b"], "s3://bucket": [], "s3://bucket/": []}
    assert "substring not found" in said["s3://bucket"]
    assert "path exists and is not a directory" in said["s3://bucket/"]


if __name__ == "__main__":
    find(["tensorboard==2.21.0", "torch==2.13.0", "numpy==2.4.6", "boto3==1.43.117", "moto[server]==5.2.5"], finding)
