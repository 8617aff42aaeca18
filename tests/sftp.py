"""An SFTP server of this machine's files for tests: ``python tests/sftp.py PORT [HOST_KEY AUTHORIZED_KEYS]``.

It asks for a password, or where keys are given for one of those, and shows the host key of that file.
"""

from __future__ import annotations

import asyncio
import sys

import asyncssh


class Doorman(asyncssh.SSHServer):
    """Asks for a password."""

    def password_auth_supported(self) -> bool:
        """It is the only way in."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """One is right."""
        return (username, password) == ("me", "secret")


async def main(port: int, *keys: str) -> None:
    """Serve until the process is ended."""
    options = {"sftp_factory": True, "reuse_address": True}
    if keys:
        options |= {"server_host_keys": [keys[0]], "authorized_client_keys": keys[1]}
    else:
        options |= {"server_host_keys": [asyncssh.generate_private_key("ssh-ed25519")], "server_factory": Doorman}
    await asyncssh.listen("127.0.0.1", port, **options)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
