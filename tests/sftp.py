"""An SFTP server of this machine's files for tests: ``python tests/sftp.py PORT [HOST_KEY AUTHORIZED_KEYS]``.

It asks for a password. Where keys are given it asks for one of those, shows the host key of that file, leads on to
other ports, and is slow.
"""

from __future__ import annotations

import asyncio
import sys
from typing import IO, cast

import asyncssh


class Doorman(asyncssh.SSHServer):
    """Asks for a password."""

    def password_auth_supported(self) -> bool:
        """It is the only way in."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """One is right."""
        return (username, password) == ("me", "secret")


class Hop(asyncssh.SSHServer):
    """Leads on to other ports of this machine, as a host named in ``ProxyJump`` does."""

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        """To all."""
        return True


class Slow(asyncssh.SFTPServer):
    """Answers each reading late, and with a part of what was asked for, as a server may."""

    async def read(self, file_obj: IO[bytes], offset: int, size: int) -> bytes:  # type: ignore[override]
        """At most 1,000 bytes, after 20 ms."""
        await asyncio.sleep(0.02)
        return cast(bytes, super().read(file_obj, offset, min(size, 1000)))


async def main(port: int, *keys: str) -> None:
    """Serve until the process is ended."""
    options = {"sftp_factory": True, "reuse_address": True}
    if keys:
        options |= {"server_host_keys": [keys[0]], "authorized_client_keys": keys[1]}
        options |= {"server_factory": Hop, "sftp_factory": Slow}
    else:
        options |= {"server_host_keys": [asyncssh.generate_private_key("ssh-ed25519")], "server_factory": Doorman}
    await asyncssh.listen("127.0.0.1", port, **options)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
