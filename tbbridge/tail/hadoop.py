"""What Hadoop's NameNode and DataNodes are asked directly: listings, and the bytes of files that are being written.

The NameNode does not know how long the last block of an open file is; the DataNodes that hold it do. Hadoop's RPC
(version 9) and data transfer (version 28), as its .proto files describe them, without Kerberos.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from tbbridge.tail.messages import Fields, Unwelcome, decode, delimited, encode, framed, many, number, one

TIMEOUT = 10.0
"""Seconds to wait for a connection, and for an answer."""

_LARGEST = 128 << 20
"""Bytes of an answer; Hadoop's own limit."""

_NAMENODE = "org.apache.hadoop.hdfs.protocol.ClientProtocol"
_DATANODE = "org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol"
_SUCCESS, _FATAL = 0, 2
_CONTEXT = -3
_DIRECTORY = 1

Address: TypeAlias = tuple[str, int]


class Refused(OSError):
    """The server answered with an error."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text.strip().partition("\n")[0].removeprefix(f"{kind}: ") or kind)
        self.kind = kind


class Block(NamedTuple):
    """The last block of an open file."""

    block: bytes
    token: bytes | None
    offset: int
    """Where it begins in the file: all before it is in blocks that are full."""
    nodes: tuple[tuple[str, str, int, int], ...]
    """IP address, host name, port of data transfer and of RPC of each DataNode that holds it."""
    encrypted: bool
    """Whether its bytes are a cipher, in a zone of the file system that has keys."""


class Entry(NamedTuple):
    """A file or directory, as the NameNode lists it."""

    name: str
    directory: bool
    size: int
    """Of an open file: without what was written since its last block began."""
    identity: int
    """A number that a file has to itself, also from the next one of the same name."""
    open: Block | None


class NameNode:
    """One NameNode, or several of which one is active.

    Every method raises Unwelcome, Refused, or another OSError where none can be reached.
    """

    def __init__(self, addresses: Sequence[Address], user: str) -> None:
        self._connections = [Rpc(address, _NAMENODE, user) for address in addresses]

    def list(self, path: str) -> list[Entry]:
        """What is in a directory, or the file itself, with no name.

        Raises:
            FileNotFoundError: nothing is there.
            PermissionError: it must not be listed.
        """
        entries: list[Entry] = []
        after = b""
        while True:
            request = encode((1, path.encode("utf-8", "surrogateescape")), (2, after), (3, 1))
            answer = one(decode(self._call("getListing", request)), 1)
            if answer is None:
                raise FileNotFoundError(2, "it is not there", path)
            listing = decode(answer)
            statuses = [decode(value) for value in many(listing, 1)]
            entries += map(_entry, statuses)
            if not statuses or not number(listing, 2):
                return entries
            after = one(statuses[-1], 2) or b""

    def _call(self, method: str, request: bytes) -> bytes:
        failed: OSError = OSError("no NameNode is known")
        for connection in list(self._connections):
            try:
                answer = connection.call(method, request)
            except OSError as error:
                if isinstance(error, Refused) and error.kind.endswith("AccessControlException"):
                    raise PermissionError(str(error)) from None
                if isinstance(error, Refused) and not error.kind.endswith("StandbyException"):
                    raise
                failed = error
            else:
                self._connections.sort(key=lambda other: other is not connection)
                return answer
        raise failed


def _entry(status: Fields) -> Entry:
    blocks = decode(one(status, 12) or b"")
    open_ = number(blocks, 3) and not number(blocks, 5)
    last = one(blocks, 4) if open_ else None
    return Entry(
        (one(status, 2) or b"").decode("utf-8", "surrogateescape"),
        number(status, 1) == _DIRECTORY,
        number(blocks, 1) if last else number(status, 3),
        number(status, 13),
        _block(decode(last), one(blocks, 6) is not None) if last else None,
    )


def _block(located: Fields, encrypted: bool) -> Block:
    nodes = []
    for info in many(located, 3):
        node = decode(one(decode(info), 1) or b"")
        host, name = ((one(node, field) or b"").decode("utf-8", "replace") for field in (1, 2))
        nodes.append((host, name, number(node, 4), number(node, 6)))
    return Block(one(located, 1) or b"", one(located, 5), number(located, 2), tuple(nodes), encrypted)


class DataNodes:
    """The DataNodes of a file system, by host name where that is how they are reached.

    Every method raises Unwelcome, Refused, or another OSError where none of a block's DataNodes can be asked.
    """

    def __init__(self, user: str, by_name: bool = False) -> None:
        self._user = user
        self._by_name = by_name
        self._connections: dict[Address, Rpc] = {}
        self._silent: dict[Address, float] = {}

    def visible(self, block: Block) -> int:
        """How many bytes of an open block can be read: none where no DataNode has begun it."""
        if block.encrypted:
            raise OSError("it is encrypted, and its writer holds it open")
        failed: OSError | None = None if block.nodes else OSError("its last block is on no DataNode")
        for address, name, _, port in block.nodes:
            key = (name if self._by_name else address, port)
            try:
                return self._ask(key, block)
            except OSError as error:
                if not (isinstance(error, Refused) and error.kind.endswith("ReplicaNotFoundException")):
                    failed = error
        if failed:
            raise failed
        return 0

    def _ask(self, key: Address, block: Block) -> int:
        if time.monotonic() < self._silent.get(key, 0):
            raise TimeoutError("its DataNode does not answer")
        rpc = self._connections.setdefault(key, Rpc(key, _DATANODE, self._user))
        try:
            size = number(decode(rpc.call("getReplicaVisibleLength", encode((1, block.block)))), 1)
        except TimeoutError:
            self._silent[key] = time.monotonic() + TIMEOUT  # it holds other blocks, too, which would wait as long
            raise
        if size >= 1 << 63:  # -1
            raise OSError("its last block waits for its recovery, since a DataNode ended")
        return size

    def read(self, block: Block, start: int, end: int) -> bytes:
        """The bytes ``[start, end)`` of an open block, as many as can be read of it."""
        failed: OSError = OSError("its last block is on no DataNode")
        for address, name, port, _ in block.nodes:
            try:
                with socket.create_connection((name if self._by_name else address, port), TIMEOUT) as connection:
                    return _read_block(Stream(connection), block, start, end)
            except OSError as error:
                failed = error
        raise failed


def _read_block(stream: Stream, block: Block, start: int, end: int) -> bytes:
    base = encode((1, block.block), *([(2, block.token)] if block.token is not None else []))
    header = encode((1, base), (2, b"tbbridge"))
    stream.send(struct.pack(">hB", 28, 81) + delimited(encode((1, header), (2, start), (3, end - start), (4, 0))))
    answer = decode(stream.delimited())
    if number(answer, 1) != _SUCCESS:
        raise Refused("", (one(answer, 5) or b"the DataNode refused").decode("utf-8", "replace"))
    first = number(decode(one(answer, 4) or b""), 2)
    data = bytearray()
    while packet := _packet(stream):
        data += packet
        if len(data) > _LARGEST:
            raise Unwelcome("more bytes than were asked for")
    return bytes(data[start - first : end - first])


def _packet(stream: Stream) -> bytes:
    """The data of the next packet; none after the last one. No checksums are asked for: events have their own."""
    length, header_size = struct.unpack(">ih", stream.read(6))
    header = decode(stream.read(header_size))
    data = number(header, 4)
    if not 4 <= length <= _LARGEST or data > length - 4:
        raise Unwelcome("an answer that is no packet")
    return stream.read(length - 4)[length - 4 - data :]


class Rpc:
    """A connection to one server, made when it is first used, and anew after it broke; one call at a time."""

    def __init__(self, address: Address, protocol: str, user: str) -> None:
        self._address = address
        self._protocol = protocol
        self._user = user
        self._stream: Stream | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._client = uuid.uuid4().bytes
        self._number = 0

    def call(self, method: str, request: bytes) -> bytes:
        """The answer to a request, both as protobuf messages."""
        with self._lock:
            kept = self._stream is not None and self._process == os.getpid()
            try:
                return self._ask(method, request)
            except Refused:
                raise
            except OSError:
                self.close()
                if not kept:
                    raise
                return self._ask(method, request)  # an idle connection, which the server had closed

    def close(self) -> None:
        """End the connection; the next call makes another."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def __del__(self) -> None:
        self.close()

    def _ask(self, method: str, request: bytes) -> bytes:
        if self._stream is None or self._process != os.getpid():
            self.close()
            self._stream, self._process = self._connect(), os.getpid()
        self._number += 1
        wanted = encode((1, method.encode()), (2, self._protocol.encode()), (3, 1))
        self._stream.send(framed(self._header(self._number), wanted, request))
        rest = Stream(data=self._stream.read(self._size()))
        header = decode(rest.delimited())
        if number(header, 2) == _SUCCESS and number(header, 1) == self._number:
            return rest.delimited()
        kind, text = ((one(header, field) or b"").decode("utf-8", "replace") for field in (4, 5))
        if number(header, 2) == _FATAL or not kind:
            raise Unwelcome(str(Refused(kind, text)))
        raise Refused(kind, text)

    def _size(self) -> int:
        assert self._stream is not None
        size = int(struct.unpack(">i", self._stream.read(4))[0])
        if not 0 < size <= _LARGEST:
            raise Unwelcome("it does not speak Hadoop's RPC, version 9")
        return size

    def _connect(self) -> Stream:
        stream = Stream(socket.create_connection(self._address, TIMEOUT))
        self._stream = stream  # so that it is closed
        context = encode((2, encode((1, self._user.encode()))), (3, self._protocol.encode()))
        stream.send(b"hrpc\x09\x00\x00" + framed(self._header(_CONTEXT), context))
        return stream

    def _header(self, call: int) -> bytes:
        zigzag = 2 * call if call >= 0 else -2 * call - 1
        return encode((1, 2), (2, 0), (3, zigzag), (4, self._client))


class Stream:
    """Bytes of a connection, or of memory, in the order in which they come."""

    def __init__(self, connection: socket.socket | None = None, data: bytes = b"") -> None:
        self._connection = connection
        self._data = data

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        assert self._connection is not None
        self._connection.sendall(data)

    def read(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            OSError: the connection ended before.
        """
        parts = [self._data[: max(count, 0)]]
        self._data = self._data[max(count, 0) :]
        while missing := max(count, 0) - sum(map(len, parts)):
            part = self._connection.recv(min(missing, 1 << 20)) if self._connection else b""
            if not part:
                raise ConnectionResetError("it ended the connection")
            parts.append(part)
        return b"".join(parts)

    def delimited(self) -> bytes:
        """A message behind its length."""
        size = shift = 0
        while True:
            byte = self.read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
            if shift > 28:
                raise Unwelcome("an answer that is no message")
        if size > _LARGEST:
            raise Unwelcome("an answer that is no message")
        return self.read(size)
