"""A NameNode, a DataNode and Hadoop's own client, Java processes of this machine that listen on the loopback alone.

Their jars are those of Hadoop 2.7.3 in PySpark 2.4.8's source distribution: the last Hadoop with client and servers
in one jar (220 MB, fetched once by pip; 39 MB are kept in the user's cache). Needs a JDK, tried with 17.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from support import free_port, wait_until

PYSPARK = "pyspark==2.4.8"
_JARS = (
    *("hadoop-common", "hadoop-hdfs", "hadoop-auth", "hadoop-annotations", "htrace-core", "protobuf-java", "guava"),
    *("commons-", "log4j", "slf4j", "jetty", "javax.", "netty", "jackson", "xmlenc", "xercesImpl", "xz"),
    *("leveldbjni", "jsr305", "avro-1", "zookeeper", "curator", "api", "httpc", "gson"),
)
_SOURCES = ("HadoopClient.java", "ServletContainer.java")
"""The second stands in for a class of Jersey's, which is not among the jars: WebHDFS would need it."""

_OPENED = ("java.base/java.lang", "java.base/java.nio", "java.security.jgss/sun.security.krb5")


def jars() -> Path:
    """The folder of Hadoop's jars, fetched when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "tbbridge-campaigns", "hadoop-2.7.3")
    if cache.exists():
        return cache
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*command, "--no-binary", ":all:", "--dest", folder, PYSPARK], check=True)
        (archive,) = Path(folder).glob("*.tar.gz")
        made = Path(folder, "jars")
        made.mkdir()
        with tarfile.open(archive) as members:
            for member in members:
                name = Path(member.name).name
                source = members.extractfile(member) if name.endswith(".jar") and name.startswith(_JARS) else None
                if source:
                    (made / name).write_bytes(source.read())
        made.rename(cache)
    return cache


class Java:
    """A Java process, whose output goes to a file."""

    def __init__(self, folder: Path, name: str, main: str, *args: str) -> None:
        self.log = folder / f"{name}.log"
        classes = f"{folder / 'conf'}:{jars()}/*"
        opens = [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED]
        exports = [f"--add-exports={_OPENED[-1]}=ALL-UNNAMED"]
        command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", *opens, *exports, "-cp", classes, main, *args]
        with self.log.open("a") as sink:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, text=True
            )

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close() if pipe else None

    def said(self) -> str:
        """What it wrote of its doings."""
        return self.log.read_text(errors="replace")


class Hadoop:
    """A file system of one NameNode and one DataNode."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        _configure(folder, self.port)
        sources = [Path(__file__).with_name(name) for name in _SOURCES]
        subprocess.run(["javac", "-nowarn", "-cp", f"{jars()}/*", "-d", folder / "conf", *sources], check=True)
        package = "org.apache.hadoop.hdfs.server"
        self._main = {"name": f"{package}.namenode.NameNode", "data": f"{package}.datanode.DataNode"}
        self._run("format", self._main["name"], "-format", "-force", "-nonInteractive")
        self.servers: dict[str, Java] = {}
        self.start("name")
        self.start("data")

    @property
    def url(self) -> str:
        """Of the root of the file system."""
        return f"hdfs://127.0.0.1:{self.port}"

    def _run(self, name: str, main: str, *args: str) -> None:
        done = Java(self.folder, name, main, *args)
        assert done.process.wait(60) == 0, done.said()
        done.kill()

    def start(self, which: str) -> None:
        """Start the server ``name``, and wait until it answers, or ``data``."""
        self.servers[which] = Java(self.folder, which, self._main[which])
        if which == "name":
            wait_until(self._answers, timeout=60, interval=0.1, what="the NameNode answers")

    def _answers(self) -> bool:
        server = self.servers["name"]
        assert server.process.poll() is None, server.said()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def kill(self, which: str) -> None:
        """kill -9 of the server ``name`` or ``data``."""
        self.servers.pop(which).kill()

    def stop(self) -> None:
        """End all servers that run."""
        for which in list(self.servers):
            self.kill(which)

    def cluster(self, name: str) -> Path:
        """A configuration by which `name` means two NameNodes, of which the first is not there."""
        values = {
            f"dfs.ha.namenodes.{name}": "first,second",
            f"dfs.namenode.rpc-address.{name}.first": "127.0.0.1:1",
            f"dfs.namenode.rpc-address.{name}.second": f"127.0.0.1:{self.port}",
        }
        _write(self.folder / name, values)
        return self.folder / name

    def bytes_read(self) -> int:
        """What the DataNode sent to readers, in all."""
        lines = re.findall(r"bytes: (\d+), op: HDFS_READ", self.servers["data"].said())
        return sum(map(int, lines))


def _configure(folder: Path, port: int) -> None:
    conf = folder / "conf"
    for name in ("hdfs", "datanode", "static"):  # the servers' own pages, which are empty
        (conf / "webapps" / name).mkdir(parents=True)
    values = {
        "fs.defaultFS": f"hdfs://127.0.0.1:{port}",
        "hadoop.tmp.dir": folder / "disk",
        "dfs.replication": 1,
        "dfs.namenode.http-address": f"127.0.0.1:{free_port()}",
        "dfs.datanode.address": f"127.0.0.1:{free_port()}",
        "dfs.datanode.http.address": f"127.0.0.1:{free_port()}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{free_port()}",
        "dfs.namenode.fs-limits.min-block-size": 1024,
        "dfs.namenode.safemode.extension": 0,
        "dfs.heartbeat.interval": 1,
        "ipc.client.connect.retry.interval": 200,
        "dfs.client.failover.max.attempts": 600,
        "dfs.client.retry.policy.enabled": "true",
    }
    _write(conf, values)
    trace = "org.apache.hadoop.hdfs.server.datanode.DataNode.clienttrace"
    (conf / "log4j.properties").write_text(
        "log4j.rootLogger=WARN,out\n"
        f"log4j.logger.{trace}=DEBUG\n"
        "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.out.target=System.err\n"
        "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
        "log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n\n"
    )


def _write(conf: Path, values: Mapping[str, object]) -> None:
    conf.mkdir(exist_ok=True)
    rows = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in values.items())
    text = f"<configuration>{''.join(rows)}</configuration>\n"
    for name in ("core-site.xml", "hdfs-site.xml"):
        (conf / name).write_text(text)


class Client:
    """Hadoop's own client, in Java: what holds files open as a training does."""

    def __init__(self, hadoop: Hadoop) -> None:
        self._hadoop = hadoop
        self._java = Java(hadoop.folder, "client", "HadoopClient")
        wait_until(self._ready, timeout=60, interval=0.2, what="the file system can be written")

    def _ready(self) -> bool:
        for server in self._hadoop.servers.values():
            assert server.process.poll() is None, server.said()
        try:
            self("create", "/ready")
            self("write", "/ready", b"x")
            self("close", "/ready")
            return bool(self("delete", "/ready"))
        except OSError:
            return False

    def __call__(self, verb: str, path: str, data: bytes = b"") -> str:
        """Do one thing: create, append, write, hflush, hsync, close, delete, mkdirs, length.

        Raises:
            OSError: Hadoop refused; the text says why.
        """
        stdin, stdout = self._java.process.stdin, self._java.process.stdout
        assert stdin
        assert stdout
        stdin.write(f"{verb} {path} {base64.b64encode(data).decode()}\n")
        stdin.flush()
        answer = stdout.readline().strip()
        if not answer.startswith("ok "):
            raise OSError(answer or self._java.said()[-2000:])
        return answer[3:]

    def stop(self) -> None:
        """End it; what it holds open stays open."""
        self._java.kill()
