"""HDFS, against servers in this process that speak Hadoop's protocols; tests/campaigns has the real ones."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hadoop import EXCEPTIONS, FakeHadoop, Held
from hypothesis import given
from hypothesis import strategies as st
from logs import write_run

import tbbridge
from tbbridge.cli import main
from tbbridge.core.errors import PathError
from tbbridge.decode import Decoder
from tbbridge.tail.file import News
from tbbridge.tail.hadoop import Rpc
from tbbridge.tail.hdfs import HdfsFileSystem, addresses, configuration, plain
from tbbridge.tail.logdir import EventPath
from tbbridge.tail.messages import Unwelcome, decode, encode, framed
from tbbridge.tail.remote import RemoteFile, RemoteTree

PATH = "/logs/exp/train/events.out.tfevents.1.host"
DENIED = (f"{EXCEPTIONS}.security.AccessControlException", "Permission denied: user=x, access=READ\n\tat org.apache")


@pytest.fixture
def hadoop() -> Iterator[FakeHadoop]:
    """Servers with no files."""
    made = FakeHadoop()
    yield made
    HdfsFileSystem.clear_instance_cache()
    made.close()


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    """An event file of 1000 scalars."""
    return write_run(tmp_path / "data", loss=[(step, step / 8) for step in range(1000)]).read_bytes()


def url(hadoop: FakeHadoop) -> str:
    return f"hdfs://127.0.0.1:{hadoop.port}/logs"


def test_a_file_that_is_held_open_is_read_to_its_last_flushed_byte(hadoop: FakeHadoop, data: bytes) -> None:
    """Though the listing says that it is empty; each look asks for the new bytes alone."""
    hadoop.files[PATH] = Held(data[:5000])
    tree = RemoteTree(url(hadoop))
    place = EventPath(f"{tree.root}/exp/train/events.out.tfevents.1.host", "exp/train/events.out.tfevents.1.host")
    assert not tree.discover().problems
    file = RemoteFile(tree, place, Decoder)
    assert file.look() is News.SOME
    hadoop.files[PATH].data = data
    hadoop.reads.clear()
    tree.discover()
    assert file.look() is News.SOME
    ((start, end),) = hadoop.reads
    assert end == len(data)
    assert 0 <= 5000 - start < 100
    assert [float(value) for value in file.log.scalars.value] == [step / 8 for step in range(1000)]
    tree.discover()
    assert file.look() is News.NONE
    hadoop.files[PATH].open = False
    tree.discover()
    assert file.look() is News.NONE
    assert file.generation == 0


def test_a_replaced_file_of_the_same_size_is_another(hadoop: FakeHadoop, data: bytes, tmp_path: Path) -> None:
    """Its identity tells."""
    hadoop.files[PATH] = Held(data)
    tree = RemoteTree(url(hadoop))
    tree.discover()
    file = RemoteFile(tree, EventPath(f"{tree.root}{PATH[5:]}", "x"), Decoder)
    file.look()
    other = write_run(tmp_path, loss=[(step, 9) for step in range(1000)]).read_bytes()
    hadoop.files[PATH] = Held(other, identity=2)
    tree.discover()
    while file.look() is News.MORE:
        pass
    assert set(file.log.scalars.value) == {9}


def test_a_file_that_another_writes_since_the_listing(hadoop: FakeHadoop, data: bytes) -> None:
    """Its last block is another one now, which is looked up; without one it is an error."""
    hadoop.files[PATH] = Held(data[:100])
    fs, base = HdfsFileSystem.of(url(hadoop))
    fs.find(base, detail=True)
    hadoop.files[PATH] = Held(data, identity=2)
    assert fs.cat_file(PATH, start=50, end=3000) == data[50:3000]
    hadoop.files[PATH] = Held(data[:60], identity=3)
    with pytest.raises(OSError, match="Offset and length"):
        fs.cat_file(PATH, start=50, end=3000)


def test_more_than_one_page_of_names(hadoop: FakeHadoop, data: bytes) -> None:
    """A directory that Hadoop lists in parts, and one event file by its own URL."""
    hadoop.page = 2
    for number in range(7):
        hadoop.files[f"/logs/{number}#?/events.out.tfevents.1.host"] = Held(data)
    assert sorted(tbbridge.read(url(hadoop)).files) == [f"{number}#?" for number in range(7)]
    hadoop.files[PATH] = Held(data)
    assert len(tbbridge.read_scalars(url(hadoop) + PATH[5:])) == 1000


def test_a_directory_that_must_not_be_listed(
    hadoop: FakeHadoop, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and the others are read; the log directory itself is an error."""
    hadoop.files.update({PATH: Held(data), "/logs/secret/x": Held(b"")})
    hadoop.refuse["/logs/secret"] = DENIED
    told = f"cannot list {url(hadoop)}/secret: Permission denied: user=x, access=READ"
    listing = RemoteTree(url(hadoop)).discover()
    assert (listing.problems, listing.unreadable) == ([told], [f"{url(hadoop)}/secret"])
    assert main(["check", url(hadoop)]) == 1
    assert told in capsys.readouterr().err
    with pytest.raises(PathError, match=r"cannot list .*/secret: Permission denied: user=x, access=READ$"):
        tbbridge.export(f"{url(hadoop)}/secret", "-")


@pytest.mark.parametrize(
    ("lost", "told"),
    [(f"{EXCEPTIONS}.hdfs.server.datanode.ReplicaNotFoundException", False), ("java.io.IOException", True)],
)
def test_a_datanode_that_does_not_tell(hadoop: FakeHadoop, data: bytes, lost: str, told: bool) -> None:
    """A block that is not begun has no bytes; of one that cannot be asked what was known stays, and a line tells."""
    hadoop.files[PATH] = Held(data[:500])
    hadoop.lost = lost
    tree = RemoteTree(url(hadoop))
    assert bool(tree.discover().problems) == told
    hadoop.lost = ""
    assert not tree.discover().problems
    hadoop.lost = "java.io.IOException"
    problems = tree.discover().problems
    assert problems == [f"cannot tell how long {url(hadoop)}{PATH[5:]} is: no"]
    stat = tree.stat(f"{url(hadoop)}{PATH[5:]}")
    assert stat is not None
    assert stat.size == 500


def test_a_block_that_waits_for_its_recovery(hadoop: FakeHadoop, data: bytes) -> None:
    """A DataNode that was started again answers -1: what was known stays, and a line tells."""
    hadoop.files[PATH] = Held(data[:500])
    tree = RemoteTree(url(hadoop))
    tree.discover()
    hadoop.recovering = True
    (problem,) = tree.discover().problems
    assert problem.endswith("its last block waits for its recovery, since a DataNode ended")
    stat = tree.stat(f"{url(hadoop)}{PATH[5:]}")
    assert stat is not None
    assert stat.size == 500


def test_an_encrypted_file_that_is_held_open(hadoop: FakeHadoop, data: bytes) -> None:
    """Its cipher is not read as events: a line tells."""
    hadoop.files[PATH] = Held(data, encrypted=True)
    reading = tbbridge.read(url(hadoop))
    assert [len(file.scalars.step) for file in reading.files["exp/train"]] == [0]
    assert [line.rpartition(": ")[2] for line in reading.problems] == ["it is encrypted, and its writer holds it open"]


def test_no_namenode_and_no_directory(hadoop: FakeHadoop, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, at once."""
    assert main(["export", url(hadoop), "-o", "-"]) == 2
    assert "does not exist" in capsys.readouterr().err
    hadoop.close()
    HdfsFileSystem.clear_instance_cache()
    assert main(["export", url(hadoop), "-o", "-"]) == 2
    assert f"cannot list {url(hadoop)}: [Errno 111] Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\n",
        struct.pack(">i", -5),
        struct.pack(">i", 3) + b"\x02\x08\x01",
        b"\x00",
        b"",
    ],
)
def test_another_kind_of_server(hadoop: FakeHadoop, answer: bytes) -> None:
    """What is no answer of Hadoop's is an error of one line."""
    hadoop.answers = answer
    rpc = Rpc(("127.0.0.1", hadoop.port), "x", "me")
    with pytest.raises(OSError, match=r"^[^\n]+$"):
        rpc.call("getListing", b"")
    rpc.close()


def test_a_namenode_that_wants_kerberos(hadoop: FakeHadoop) -> None:
    """Its refusal to speak without is told from the refusal of one request: hdfs-native takes over."""
    hadoop.answers = framed(encode((1, 2**32 - 3), (2, 2), (4, b"AccessControlException"), (5, b"SIMPLE is not on")))
    rpc = Rpc(("127.0.0.1", hadoop.port), "x", "me")
    with pytest.raises(Unwelcome, match="SIMPLE is not on"):
        rpc.call("getListing", b"")
    rpc.close()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_unwelcome(message: bytes) -> None:
    """No other error comes of an answer, whatever is in it."""
    try:
        fields = decode(message)
    except Unwelcome:
        return
    assert all(isinstance(value, int | bytes) for values in fields.values() for value in values)


@pytest.mark.parametrize("message", [b"\x0a\x05ab", b"\x08", b"\x0d123", b"\x0b"])
def test_a_message_that_ends_too_early(message: bytes) -> None:
    """Is told from one that is whole."""
    with pytest.raises(Unwelcome):
        decode(message)


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 2**64 - 1) | st.binary(max_size=200))))
def test_what_is_written_is_read(fields: list[tuple[int, int | bytes]]) -> None:
    """Numbers and bytes of every size."""
    expected: dict[int, list[int | bytes]] = {}
    for field, value in fields:
        expected.setdefault(field, []).append(value)
    assert decode(encode(*fields)) == expected


def test_where_the_namenodes_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL's port, Hadoop's own configuration, or the usual port."""
    values = {
        "dfs.ha.namenodes.cluster": "a, b",
        "dfs.namenode.rpc-address.cluster.a": "one:8021",
        "dfs.namenode.rpc-address.cluster.b": "two:8022",
        "fs.defaultFS": "hdfs://cluster",
    }
    rows = "".join(f"<property><name>{name}</name><value> {value}</value></property>" for name, value in values.items())
    (tmp_path / "core-site.xml").write_text(f"<configuration>{rows}</configuration>")
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    site = configuration()
    assert site == values
    assert addresses("cluster", None, site) == addresses(None, None, site) == [("one", 8021), ("two", 8022)]
    assert addresses("cluster", 5, site) == [("cluster", 5)]
    assert addresses("other", None, site) == [("other", 8020)]
    assert addresses(None, None, {}) == []


def test_the_active_namenode_is_found(hadoop: FakeHadoop, data: bytes) -> None:
    """Of several, one that is not there or on standby is passed over."""
    from tbbridge.tail.hadoop import NameNode

    standby = FakeHadoop()
    standby.refuse["/logs"] = (f"{EXCEPTIONS}.ipc.StandbyException", "not now")
    dead = FakeHadoop()
    dead.close()
    hadoop.files[PATH] = Held(data)
    names = NameNode([("127.0.0.1", one.port) for one in (dead, standby, hadoop)], "me")
    assert [entry.name for entry in names.list("/logs")] == ["exp"]
    dead_again = NameNode([("127.0.0.1", standby.port)], "me")
    with pytest.raises(OSError, match="not now"):
        dead_again.list("/logs")
    standby.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('DataTransferError("All DataNodes failed: [DatanodeInfoProto { id: 1 }, ...] }")', "All DataNodes failed"),
        ('RPCError("java.io.IOException", "no \\"x\\" here\\n\\tat org.apache.X")', 'no "x" here'),
        ('InvalidArgument("No NameNode hosts found")', "No NameNode hosts found"),
    ],
)
def test_errors_of_the_library_are_short(text: str, expected: str) -> None:
    """No Java stack, no Rust structure."""
    assert str(plain(RuntimeError(text))) == expected


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("Unable to load libjvm\n/usr/lib/jvm ..."), "install what reads it without Java (pip install"),
        (ImportError("no pyarrow"), "install what reads it without Java (pip install"),
        (OSError("connection refused"), "connection refused"),
    ],
)
def test_without_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, told: str
) -> None:
    """fsspec goes by pyarrow and Java; where they are missing, one line says what to install."""

    def refuse(_: str) -> None:
        raise error

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    assert main(["export", "hdfs://127.0.0.1:1/logs", "-o", "-"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert told in err
