"""An SFTP server of this machine's files for tests, which asks for a password: ``python tests/sftp.py PORT``."""

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


async def main(port: int) -> None:
    """Serve until the process is ended."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    options = {"server_host_keys": [key], "server_factory": Doorman, "sftp_factory": True, "reuse_address": True}
    await asyncssh.listen("127.0.0.1", port, **options)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
