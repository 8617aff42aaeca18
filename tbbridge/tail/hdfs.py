"""HDFS by hdfs-native, which needs no Java, and files that their writers hold open, to their last flushed byte.

hdfs-native reads no block that is not finished, and a listing does not tell how long it is: an event file of a training
that runs would be empty up to its first 128 MB. So Hadoop's servers are asked themselves, unless they want Kerberos;
then everything is hdfs-native's, and what a writer holds open is read when it is closed.
"""

from __future__ import annotations

import getpass
import os
import re
import urllib.parse
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from hdfs_native import fsspec as native

from tbbridge.tail.hadoop import TIMEOUT, Address, Block, DataNodes, Entry, NameNode
from tbbridge.tail.messages import Unwelcome

_QUICK = {
    "dfs.client.failover.max.attempts": "4",
    "dfs.client.failover.sleep.base.millis": "100",
    "dfs.client.failover.sleep.max.millis": "1000",
    "dfs.client.socket-timeout": str(int(TIMEOUT * 1000)),
}
"""hdfs-native would try a dead NameNode for three minutes, and a poll comes again anyway."""

_PORT = 8020
"""The NameNode's, where neither the URL nor Hadoop's configuration has one."""


class HdfsFileSystem(native.HdfsFileSystem):  # type: ignore[misc, unused-ignore]
    """HDFS as fsspec has it, for reading files that grow."""

    unreadable: dict[str, str]
    """Directories that the last `find` was not allowed to list, and why."""
    unsure: dict[str, str]
    """Files of which it may not have seen the end, and why."""

    def __init__(self, host: str | None = None, port: int | None = None, **options: str) -> None:
        site = configuration()
        named = not host or f"dfs.ha.namenodes.{host}" in site
        super().__init__(host, port if port or named else _PORT, **{**_QUICK, **options})
        user = os.environ.get("HADOOP_USER_NAME") or getpass.getuser()
        by_name = site.get("dfs.client.use.datanode.hostname") == "true"
        direct = site.get("hadoop.security.authentication", "simple") == "simple"
        self._names = NameNode(addresses(host, port, site), user) if direct else None
        self._data = DataNodes(user, by_name)
        self._held: dict[str, Block] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self.unreadable, self.unsure = {}, {}

    @classmethod
    def of(cls, url: str) -> tuple[HdfsFileSystem, str]:
        """The file system of a URL, and the path in it."""
        place = urllib.parse.urlsplit(url)
        return cls(place.hostname, place.port), cls._strip_protocol(url)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return re.sub(r"^[a-zA-Z]+://[^/]*", "", path) or "/"  # a name may have # and ? in it

    def find(self, path: str, maxdepth: Any = None, withdirs: Any = False, detail: Any = False, **_: Any) -> Any:
        """All files below a path and how long they are; of an open file, what of it can be read."""
        try:
            found = self._walk(path)
        except Unwelcome:
            self._names = None
            found = self._walk(path)
        return found if detail else list(found)

    def _walk(self, top: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        stack = [top]
        self.unreadable, self.unsure = {}, {}
        while stack:
            folder = stack.pop()
            try:
                listed = self._list(folder)
            except (FileNotFoundError, PermissionError) as error:
                if folder == top:
                    raise
                if isinstance(error, PermissionError):
                    self.unreadable[folder] = str(error)
                continue
            stack += [one["name"] for one in listed if one["type"] == "directory"]
            found.update({one["name"]: one for one in listed if one["type"] == "file"})
        below = f"{top.rstrip('/')}/"
        for path in [one for one in self._held if one.startswith(below) and one not in found]:
            del self._held[path], self._sizes[path]
        return found

    def _list(self, folder: str) -> list[dict[str, Any]]:
        if not self._names:
            return list(self.ls(folder))
        return [
            self._details(f"{folder.rstrip('/')}/{entry.name}" if entry.name else folder, entry)
            for entry in self._names.list(folder)
        ]

    def _details(self, path: str, entry: Entry) -> dict[str, Any]:
        """A file as fsspec describes it; its identity is its version, since no byte of a file ever changes."""
        size = entry.size
        if entry.directory:
            return {"name": path, "size": 0, "type": "directory"}
        if entry.open:
            size = self._visible(path, entry.identity, entry.open)
            self._held[path] = entry.open
        else:
            self._held.pop(path, None)
            self._sizes.pop(path, None)
        return {"name": path, "size": size, "type": "file", "ETag": str(entry.identity)}

    def _visible(self, path: str, identity: int, block: Block) -> int:
        """How much of an open file can be read; as before where its DataNodes do not say."""
        try:
            size = block.offset + self._data.visible(block)
        except OSError as error:
            known = self._sizes.get(path, (0, 0))
            size = max(block.offset, known[1] if known[0] == identity else 0)
            self.unsure[path] = str(error)
        self._sizes[path] = identity, size
        return size

    def cat_file(self, path: str, start: Any = None, end: Any = None, **_: Any) -> bytes:
        """The bytes ``[start, end)`` of a file, also where its writer opened or closed it since it was listed."""
        path = self._strip_protocol(path)
        if start is None or end is None:
            return self._finished(path, start, end)
        if not self._names:
            data = self._finished(path, start, end)
            if len(data) < end - start:
                raise OSError("its writer holds it open: where Kerberos is wanted, only closed files are read")
            return data
        try:
            data = self._part(path, start, end)
        except FileNotFoundError:
            raise
        except OSError:
            data = b""
        if len(data) == end - start:
            return data
        for entry in self._names.list(path):
            self._details(path, entry)
        return self._part(path, start, end)

    def _part(self, path: str, start: int, end: int) -> bytes:
        block = self._held.get(path)
        if block is None or end <= block.offset:
            return self._finished(path, start, end)
        full = self._finished(path, start, block.offset) if start < block.offset else b""
        return full + self._data.read(block, max(start - block.offset, 0), end - block.offset)

    def _finished(self, path: str, start: Any, end: Any) -> bytes:
        try:
            return bytes(super().cat_file(path, start=start, end=end))
        except RuntimeError as error:
            raise plain(error) from None

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        """What is in a directory."""
        try:
            return super().ls(path, detail)
        except RuntimeError as error:
            raise plain(error) from None


def plain(error: RuntimeError) -> OSError:
    """An error of hdfs-native's in a few words: it may hold Java's stack, or all that is known of each DataNode."""
    refused = re.match(r'RPCError\("(?P<kind>[\w.$]+)", "(?P<text>.*?)(\\n|"\)$)', str(error))
    if refused:
        kind = PermissionError if refused["kind"].endswith("AccessControlException") else OSError
        return kind(refused["text"].replace('\\"', '"'))
    return OSError(re.sub(r"^\w+\(\"?|[: ]*\[?\w+Proto \{.*|\"?\)$", "", str(error), flags=re.DOTALL))


def configuration() -> dict[str, str]:
    """Hadoop's own configuration of this machine, where ``HADOOP_CONF_DIR`` or ``HADOOP_HOME`` tells where it is."""
    home = os.environ.get("HADOOP_HOME")
    folder = os.environ.get("HADOOP_CONF_DIR") or (os.path.join(home, "etc", "hadoop") if home else None)
    found: dict[str, str] = {}
    for file in ("core-site.xml", "hdfs-site.xml") if folder else ():
        try:
            properties = ET.parse(Path(str(folder), file)).iter("property")
        except (OSError, ET.ParseError):
            continue  # hdfs-native complains of it
        found.update({one.findtext("name", "").strip(): one.findtext("value", "").strip() for one in properties})
    return found


def addresses(host: str | None, port: int | None, site: dict[str, str]) -> list[Address]:
    """Where the NameNodes are that a URL means."""
    if not host:
        default = re.match(r"hdfs://([^/:]+)(?::(\d+))?", site.get("fs.defaultFS", ""))
        if not default:
            return []
        host, port = default[1], int(default[2] or 0)
    if port:
        return [(host, port)]
    named = site.get(f"dfs.ha.namenodes.{host}", "")
    given = [site.get(f"dfs.namenode.rpc-address.{host}.{name.strip()}", "") for name in named.split(",")]
    found = [one.rpartition(":") for one in given if one]
    return [(name, int(number)) for name, _, number in found if number.isdigit()] or [(host, _PORT)]
