"""Export, watch, view, check and inspect of a log directory in a real HDFS, while Hadoop's own client lets it grow.

    python tests/campaigns/hdfs.py --rounds 100

One event file grows by append and close, one is held open and flushed, one held open and synced, one held open over
many small blocks; files are replaced and deleted, runs appear, and the NameNode is killed and started again. After each
round the published bytes equal those of a local export of the same files.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tbbridge
from tbbridge.write.events import EventWriter

sys.path.insert(0, os.fspath(Path(__file__).resolve().parent.parent))

from hadoop_server import Client, Hadoop
from logs import files_of
from support import command, run_cli, wait_until

FILE = "events.out.tfevents.1.host"


class Growing:
    """An event file that is written here and, as far as it is flushed, in HDFS: the same bytes in both."""

    def __init__(self, client: Client, logs: Path, run: str, how: str) -> None:
        self._client = client
        self._path = logs / run / FILE
        self._far = f"/logs/{run}/{FILE}"
        self._how = how
        self._sent = 0
        self._begin()

    def _begin(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = EventWriter(self._path, wall_time=1000.0)
        self._client("small" if self._how == "blocks" else "create", self._far)
        if self._how == "append":
            self._client("close", self._far)

    def write(self, step: int, points: int) -> int:
        """More points; returns how many bytes they take."""
        for number in range(points):
            self._writer.scalar("loss", step * 1000 + number, 1000.0 + step, 1 / (step + number + 1))
        self._writer.flush()
        with self._path.open("rb") as file:
            file.seek(self._sent)
            new = file.read()
        if self._how == "append":
            self._client("append", self._far)
        self._client("write", self._far, new)
        self._client({"append": "close", "hsync": "hsync"}.get(self._how, "hflush"), self._far)
        self._sent += len(new)
        return len(new)

    def replace(self) -> None:
        """Another file of the same name, from its first byte."""
        self.delete()
        self._sent = 0
        self._begin()

    def delete(self) -> None:
        """The file is gone, in both places."""
        self._writer.close()
        self._path.unlink()
        if self._how != "append":
            self._client("close", self._far)
        self._client("delete", self._far)

    def length(self) -> tuple[int, int]:
        """What the NameNode says of its length, and what it is."""
        return int(self._client("length", self._far)), self._sent


class Watch:
    """``tbbridge watch`` of the log directory, and what it should have published."""

    def __init__(self, folder: Path, url: str, logs: Path) -> None:
        self._logs, self._out, self._local = logs, folder / "csv", folder / "local"
        self.output = folder / "watch.log"
        words = ["watch", url, "--no-viewer", "--poll-interval", "0.2", "--prune", "--out", self._out]
        with self.output.open("w") as sink:
            self.process = subprocess.Popen(command(*words), stdout=sink, stderr=sink, text=True)

    def published(self) -> dict[str, bytes]:
        """The run logs."""
        return {str(path.relative_to(self._out)): path.read_bytes() for path in sorted(self._out.rglob("*.csv"))}

    def agrees(self, timeout: float = 60.0) -> float:
        """Wait until they equal a local export; returns how long it took."""
        began = time.monotonic()
        shutil.rmtree(self._local, ignore_errors=True)
        tbbridge.export(self._logs, self._local)
        wait_until(lambda: self.published() == files_of(self._local), timeout, what="published bytes equal an export")
        return time.monotonic() - began


def grow(hadoop: Hadoop, client: Client, folder: Path, rounds: int, chance: random.Random) -> str:
    """Everything that is followed; returns a line of figures."""
    logs, url = folder / "logs", f"{hadoop.url}/logs"
    files = {how: Growing(client, logs, f"{how}/train", how) for how in ("append", "hflush", "hsync", "blocks")}
    watch = Watch(folder, url, logs)
    written, took, stale = 0, [], 0
    before = hadoop.bytes_read()
    for step in range(1, rounds + 1):
        written += sum(file.write(step, chance.randrange(1, 60)) for file in files.values())
        took.append(watch.agrees())
        listed, real = files["hflush"].length()
        stale += listed < real
        if step % 10 == 5:
            name = f"new{step}"
            files[name] = Growing(client, logs, f"{name}/train", chance.choice(["append", "hflush"]))
    read = hadoop.bytes_read() - before
    again = sum(path.stat().st_size for path in logs.rglob("*tfevents*"))
    assert read < 2 * written + 2000 * rounds * len(files), (read, written)
    for name in ("append", "hflush"):
        files[name].replace()
        files[name].write(1, 3)
        watch.agrees()
    files.pop("hsync").delete()
    watch.agrees()
    down = outage(hadoop, watch, files)
    compare(hadoop, url, logs, folder)
    watch.process.send_signal(signal.SIGINT)
    assert watch.process.wait(30) == 0
    assert watch.published() == files_of(folder / "local")
    return (
        f"{rounds} rounds: published bytes equal an export after {statistics.median(took):.2f} s (median; "
        f"{max(took):.2f} at most). The NameNode's length of the file held open was too short {stale} times. "
        f"{written} bytes written, {read} read by watch (reading anew at each round would be "
        f"{again * rounds // 2}). {down}"
    )


def outage(hadoop: Hadoop, watch: Watch, files: dict[str, Growing]) -> str:
    """The NameNode is killed and comes back; what is published stays meanwhile, and goes on after."""
    published = watch.published()
    hadoop.kill("name")
    began = time.monotonic()
    wait_until(lambda: "cannot list" in watch.output.read_text(), timeout=60, what="watch tells of it")
    told = time.monotonic() - began
    time.sleep(5)  # some more polls
    lines = [line for line in watch.output.read_text().splitlines() if "cannot list" in line]
    assert watch.published() == published
    assert "Traceback" not in watch.output.read_text()
    hadoop.start("name")
    began = time.monotonic()
    for file in files.values():
        wait_until(lambda: _writes(file), timeout=90, interval=0.5, what="Hadoop's client writes again")  # noqa: B023
    watch.agrees(90)
    return (
        f"NameNode killed: told after {told:.1f} s in {len(lines)} line(s) in 5 s, equal again "
        f"{time.monotonic() - began:.1f} s after its start: {lines[0]}"
    )


def _writes(file: Growing) -> bool:
    with contextlib.suppress(OSError):
        return file.write(90_000, 5) > 0
    return False


def compare(hadoop: Hadoop, url: str, logs: Path, folder: Path) -> None:
    """Commands that read say of the URL what they say of the disk; what is refused is one line."""
    for words in (["check"], ["inspect"], ["export", "--layout", "long", "--out", "-"]):
        far, near = run_cli(words[0], url, *words[1:]), run_cli(words[0], logs, *words[1:])
        assert (far.returncode, far.stdout.replace(url, str(logs))) == (near.returncode, near.stdout), (far, near)
    for number, root in enumerate((url, logs)):
        assert run_cli("export", root, "--out", folder / f"{number}.html").returncode == 0
    assert (folder / "0.html").read_bytes() == (folder / "1.html").read_bytes()
    name = next(iter(sorted(logs.rglob("*tfevents*")))).relative_to(logs)
    assert tbbridge.scalars_table(f"{url}/{name}").equals(tbbridge.scalars_table(logs / name))
    with tbbridge.open_source(url, poll_interval=0.2) as source:
        wait_until(
            lambda: sorted(source.names()) == sorted(path.name for path in logs.iterdir() if any(path.rglob("*tf*")))
        )
    named = {"HADOOP_CONF_DIR": os.fspath(hadoop.cluster("tests"))}
    far, near = run_cli("check", "hdfs://tests/logs", env=named), run_cli("check", logs)
    assert far.stdout.replace("hdfs://tests/logs", str(logs)) == near.stdout, far
    refuse(hadoop, url)


def refuse(hadoop: Hadoop, url: str) -> None:
    """A path that is not there, a folder that must not be read, a port where nobody listens: a line each, quickly."""
    client = Client(hadoop)
    client("private", "/logs/private/run")
    other = {"HADOOP_USER_NAME": "somebody"}
    for root, env, code in (
        (f"{hadoop.url}/nowhere", {}, 2),
        (f"{hadoop.url}/logs/private", other, 2),
        (url, other, 1),
        ("hdfs://127.0.0.1:1/logs", {}, 2),
    ):
        began = time.monotonic()
        done = run_cli("check", root, env=env)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "cannot" in line or "not exist" in line]
        assert (done.returncode, len(lines)) == (code, 1), done
        print(f"  {time.monotonic() - began:.1f} s: {lines[0]}")
    client("delete", "/logs/private")
    client.stop()


def main() -> None:
    """Start Hadoop, let files grow, compare, stop it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    signal.alarm(300 + 10 * args.rounds)  # Java's client would wait for ever
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        hadoop = Hadoop(folder)
        stack.callback(hadoop.stop)
        client = Client(hadoop)
        stack.callback(client.stop)
        print(f"Hadoop runs after {time.monotonic() - began:.1f} s")
        line = grow(hadoop, client, folder, args.rounds, random.Random(args.seed))
    print(f"{line}\nAll in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
