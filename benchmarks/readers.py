"""One reader on one log directory, as a process of its own: ``python readers.py NAME LOGDIR REPEATS`` prints JSON.

cpu       processor time of the same repeat, of all threads
seconds   best of the repeats, from opening the files to having the points; imports are not counted
peak_mb   peak resident memory of the process that holds the points
points    how many there are, and
sum       the sum of their values, by which the answers are compared
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Answer = tuple[int, float]


def peak_mb(pid: int | str = "self") -> float:
    """Peak resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def event_files(logdir: str) -> list[Path]:
    return sorted(Path(logdir).rglob("*tfevents*"))


def ours(logdir: str) -> Callable[[], Answer]:
    """Our decoder: every file into columns."""
    from tbbridge.decode import Decoder
    from tbbridge.tail.feed import feed
    from tbbridge.tail.local import LocalFile

    def read_file(path: Path) -> Answer:
        decoder = Decoder(path.name)
        with LocalFile(str(path)) as file:
            feed(decoder, file, file.stat().size)
        logs.append(decoder.log)
        return len(decoder.log.scalars.step), 0.0

    logs: list = []

    def read() -> Answer:
        logs.clear()
        workers = int(os.environ.get("WORKERS", "1"))
        if workers == 1:
            points = sum(read_file(path)[0] for path in event_files(logdir))
        else:
            with ThreadPoolExecutor(workers) as pool:
                points = sum(answer[0] for answer in pool.map(read_file, event_files(logdir)))
        return points, 0.0

    read.total = lambda: sum(float(log.scalars.value.sum(dtype="f8")) for log in logs)
    return read


def scan_only(logdir: str) -> Callable[[], Answer]:
    """Our scan alone, on bytes in memory, a megabyte at a time."""
    import numpy as np

    from tbbridge.decode import scan

    data = memoryview(b"".join(path.read_bytes() for path in event_files(logdir)))
    columns = [np.empty(40_000, kind) for kind in ("i4", "i8", "f8", "f8")]

    def read() -> Answer:
        at, points, total = 0, 0, 0.0
        while at < len(data):
            found = scan(data[at : at + (1 << 20)], 0, False, True, True, [], *columns)
            if not found.end:
                break
            at, points = at + found.end, points + found.rows
        return points, total

    read.total = lambda: None
    return read


def library(logdir: str) -> Callable[[], Answer]:
    """``tbbridge.read``: files, columns, series by the rules of restarts, experiments."""
    import tbbridge

    def read() -> Answer:
        reading = tbbridge.read(logdir)
        tags = [series for run in reading.runs.values() for series in run.values()]
        read.total = lambda: sum(float(series.value.sum(dtype="f8")) for series in tags)
        return sum(len(series.step) for series in tags), 0.0

    return read


def accumulator(logdir: str) -> Callable[[], Answer]:
    """TensorBoard's EventAccumulator, told to keep every point."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    def read() -> Answer:
        points, total = 0, 0.0
        for path in event_files(logdir):
            loaded = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0, "images": 1})
            loaded.Reload()
            for tag in loaded.Tags()["scalars"]:
                values = loaded.Scalars(tag)
                points, total = points + len(values), total + sum(one.value for one in values)
            for tag in loaded.Tags()["tensors"]:
                values = [float(tensor_util.make_ndarray(one.tensor_proto)) for one in loaded.Tensors(tag)]
                points, total = points + len(values), total + sum(values)
        read.total = lambda: total
        return points, total

    return read


def tbparse(logdir: str) -> Callable[[], Answer]:
    """tbparse's SummaryReader."""
    from tbparse import SummaryReader

    def read() -> Answer:
        reader = SummaryReader(logdir, event_types={"scalars", "tensors"})
        frame = reader.scalars if len(reader.scalars) else reader.tensors
        total = float(frame["value"].astype(float).sum())
        read.total = lambda: total
        return len(frame), total

    return read


NAMES = {"ours": ours, "scan": scan_only, "library": library, "accumulator": accumulator, "tbparse": tbparse}


def rust(logdir: str, *flags: str) -> dict[str, object]:
    """TensorBoard's Rust data server: the time of its load cycle by its own log, its points over its own protocol."""
    import grpc
    import tensorboard_data_server
    from tensorboard import context
    from tensorboard.data import grpc_provider

    command = [
        tensorboard_data_server.server_binary(),
        "--logdir",
        logdir,
        "--reload",
        "once",
        "--port",
        "0",
        "--verbose",
    ]
    with subprocess.Popen([*command, *flags], stderr=subprocess.PIPE, text=True) as server:
        try:
            port, seconds = "", 0.0
            for line in server.stderr:
                port = (re.findall(r"listening on .*:(\d+)", line) or [port])[0]
                if found := re.search(r"Finished load cycle \(([\d.]+)(m?s)\)", line):
                    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
                    break
            peak, cpu = peak_mb(server.pid), cpu_seconds(server.pid)
            options = [("grpc.max_receive_message_length", 1 << 30)]
            channel = grpc.insecure_channel(f"localhost:{port}", options=options)
            stub = grpc_provider.make_stub(channel)
            provider = grpc_provider.GrpcDataProvider(f"localhost:{port}", stub)
            got = provider.read_scalars(
                context.RequestContext(), experiment_id="", plugin_name="scalars", downsample=10_000_000
            )
            points = [one for run in got.values() for series in run.values() for one in series]
            total = sum(one.value for one in points)
        finally:
            server.kill()
    return {"seconds": seconds, "cpu": cpu, "points": len(points), "sum": total, "peak_mb": peak}


def main(name: str, logdir: str, repeats: int, *flags: str) -> None:
    if name == "rust":
        print(json.dumps(min((rust(logdir, *flags) for _ in range(repeats)), key=lambda one: one["seconds"])))
        return
    with tempfile.TemporaryDirectory() as small:  # what a reader imports only once it reads is not counted either
        first = event_files(logdir)[0].open("rb").read(400)
        (Path(small) / "events.out.tfevents.1").write_bytes(first)
        NAMES[name](small)()
    read, best, points = NAMES[name](logdir), (float("inf"), 0.0), 0
    for _ in range(repeats):
        started, cpu = time.perf_counter(), time.process_time()
        points, _ = read()
        best = min(best, (time.perf_counter() - started, time.process_time() - cpu))
    found = {"seconds": best[0], "cpu": best[1], "points": points, "sum": read.total(), "peak_mb": peak_mb()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
