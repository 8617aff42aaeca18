"""A NameNode and a DataNode in a thread of the test, as far as listings and open files go."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tbbridge.tail.hadoop import Stream
from tbbridge.tail.messages import decode, delimited, encode, framed, many, number, one

EXCEPTIONS = "org.apache.hadoop"


@dataclass
class Held:
    """A file: the first `full` of its bytes are in finished blocks, the rest in a last one, named by `identity`."""

    data: bytes
    full: int = 0
    open: bool = True
    identity: int = 1
    encrypted: bool = False


class RefusedError(Exception):
    """Answered as Hadoop answers with an exception of Java."""


class FakeHadoop:
    """Serves `files`, and answers with what `refuse` has for a request's path."""

    def __init__(self) -> None:
        self.files: dict[str, Held] = {}
        self.refuse: dict[str, tuple[str, str]] = {}
        self.page = 1000
        self.answers: bytes | None = None
        self.lost = ""
        self.recovering = False
        self.reads: list[tuple[int, int]] = []
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler(self._serve))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @staticmethod
    def _handler(serve: Callable[[Stream], None]) -> type[socketserver.BaseRequestHandler]:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                try:
                    serve(Stream(self.request))
                except OSError:  # the client left
                    self.request.close()

        return Handler

    def close(self) -> None:
        """No longer listen."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, stream: Stream) -> None:
        if self.answers is not None:
            stream.read(7)
            stream.send(self.answers)
            return
        first = stream.read(3)
        if first == struct.pack(">hB", 28, 81):
            self._send_block(stream)
            return
        assert first + stream.read(4) == b"hrpc\x09\x00\x00"
        self._frame(stream)
        while True:
            frame = self._frame(stream)
            call = number(decode(frame.delimited()), 3) // 2
            method = (one(decode(frame.delimited()), 1) or b"").decode()
            stream.send(self._answer(call, method, decode(frame.delimited())))

    @staticmethod
    def _frame(stream: Stream) -> Stream:
        (size,) = struct.unpack(">i", stream.read(4))
        return Stream(data=stream.read(size))

    def _answer(self, call: int, method: str, request: dict[int, list[int | bytes]]) -> bytes:
        try:
            done = self._list(request) if method == "getListing" else self._length(request)
        except RefusedError as error:
            kind, text = error.args
            return framed(encode((1, call), (2, 1), (4, kind.encode()), (5, text.encode())))
        return framed(encode((1, call), (2, 0)), done)

    def _list(self, request: dict[int, list[int | bytes]]) -> bytes:
        path, after = (one(request, 1) or b"").decode(), (one(request, 2) or b"").decode()
        if path in self.refuse:
            raise RefusedError(*self.refuse[path])
        if path in self.files:
            return encode((1, encode((1, self._status("", path)), (2, 0))))
        start = path.rstrip("/") + "/"
        names = sorted({name[len(start) :].partition("/")[0] for name in self.files if name.startswith(start)})
        if not names:
            return b""
        left = [name for name in names if name > after]
        shown = [(1, self._status(name, start + name)) for name in left[: self.page]]
        return encode((1, encode(*shown, (2, max(len(left) - self.page, 0)))))

    def _status(self, name: str, path: str) -> bytes:
        file = self.files.get(path)
        if file is None:
            return encode((1, 1), (2, name.encode()), (3, 0))
        stale = file.full if file.open else len(file.data)
        blocks = encode((1, stale), (3, int(file.open)), (4, self._block(file)), (5, int(not file.open)))
        blocks += encode((6, b"key")) if file.encrypted else b""
        return encode((1, 2), (2, name.encode()), (3, stale), (12, blocks), (13, file.identity))

    def _block(self, file: Held) -> bytes:
        node = encode((1, b"127.0.0.1"), (2, b"localhost"), (4, self.port), (6, self.port))
        block = encode((1, b"pool"), (2, file.identity), (3, 1), (4, 0))
        return encode((1, block), (2, file.full), (3, encode((1, node))), (5, b"token"))

    def _of(self, message: bytes) -> bytes:
        block = number(decode(message), 2)
        return next((file.data[file.full :] for file in self.files.values() if file.identity == block), b"")

    def _length(self, request: dict[int, list[int | bytes]]) -> bytes:
        if self.lost:
            raise RefusedError(self.lost, "no")
        if self.recovering:
            return encode((1, 2**64 - 1))
        return encode((1, len(self._of(one(request, 1) or b""))))

    def _send_block(self, stream: Stream) -> None:
        request = decode(stream.delimited())
        base = decode(one(decode(one(request, 1) or b""), 1) or b"")
        assert many(base, 2) == [b"token"]
        data = self._of(one(base, 1) or b"")
        start, end = number(request, 2), number(request, 2) + number(request, 3)
        self.reads.append((start, end))
        if end > len(data):
            stream.send(delimited(encode((1, 1), (5, b"Offset and length don't match"))))
            return
        aligned = start - start % 512
        stream.send(delimited(encode((1, 0), (4, encode((1, encode((1, 0), (2, 512))), (2, aligned))))))
        for place in range(aligned, end, 1000):
            self._packet(stream, data[place : min(place + 1000, end)])
        self._packet(stream, b"")

    @staticmethod
    def _packet(stream: Stream, data: bytes) -> None:
        header = b"\x09" + bytes(8) + b"\x11" + bytes(8) + b"\x18\x00" + b"\x25" + struct.pack("<i", len(data))
        stream.send(struct.pack(">ih", 4 + len(data), len(header)) + header + data)
