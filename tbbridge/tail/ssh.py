"""A log directory on another machine by scp's spelling: ``host:logs``, ``user@host:/path``; over SFTP, by paramiko.

The user's own SSH configuration (as ``ssh -G`` tells it), agent, keys and known hosts count. A host whose key is not
known, or is another one than before, is refused.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from tbbridge.core.errors import PathError

TIMEOUT = 15.0
"""Seconds that the other machine gets to answer: a poll comes again anyway."""

_SYSTEM_HOSTS = "/etc/ssh/ssh_known_hosts"
_OWN = "~/.ssh/config"


class SshFiles(SFTPFileSystem):  # type: ignore[misc]
    """The files of a host of the user's SSH configuration.

    Args:
        host: its name or alias.
        user: who logs in; None: as the configuration says.
    """

    cachable = False

    def __init__(self, host: str, user: str | None) -> None:
        self._alias, self._user = host, user
        super().__init__(host)

    def _connect(self) -> None:
        """Connect, or connect again.

        Raises:
            PathError: the host's key is not known, or changed; or there is no way in.
        """
        config = _config(self._alias)
        host, port = config.get("hostname", [self._alias])[0], int(config.get("port", ["22"])[0])
        hop = config.get("proxycommand", ["none"])[0]
        if (jump := config.get("proxyjump", ["none"])[0]) != "none":
            hop = shlex.join(["ssh", *_elsewhere(), "-W", f"{host}:{port}", *_jump(jump)])
        self.client = paramiko.SSHClient()
        known = config.get("userknownhostsfile", ["~/.ssh/known_hosts"])[0]  # one or several, never quoted
        for file in _files(_SYSTEM_HOSTS, known, *known.split()):
            self.client.load_system_host_keys(file)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            self.client.connect(
                host,
                port,
                self._user or config.get("user", [None])[0],
                key_filename=_files(*config.get("identityfile", [])) or None,
                sock=None if hop == "none" else paramiko.ProxyCommand(hop),
                timeout=TIMEOUT,
                banner_timeout=TIMEOUT,
                auth_timeout=TIMEOUT,
            )
        except paramiko.BadHostKeyException:
            entry = host if port == 22 else f"'[{host}]:{port}'"  # in a file of known hosts
            raise PathError(
                f"the host key of {self._alias} changed: if that is right, ssh-keygen -R {entry}, "
                f"and connect once with ssh {self._alias}"
            ) from None
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise PathError(f"{self._alias} is not a known host: connect once with ssh {self._alias}") from None
            raise PathError(f"{self._alias} refuses this login ({error}): does ssh {self._alias} work?") from None
        self.ftp = self.client.open_sftp()
        channel = self.ftp.get_channel()
        if channel:
            channel.settimeout(TIMEOUT)


def open_host(root: str) -> tuple[SshFiles, str]:
    """Return the files of a host, and the absolute path there; from ``[USER@]HOST:PATH``."""
    address, _, path = root.partition(":")
    user, at, host = address.rpartition("@")
    files = SshFiles(host, user if at else None)
    return files, files.ftp.normalize(path.removeprefix("~/") or ".") if not path.startswith("/") else path


def _config(alias: str) -> dict[str, list[str]]:
    """Return the settings for a host, by lower-case name; without an ``ssh`` program as paramiko reads them."""
    config: dict[str, list[str]] = {}
    if shutil.which("ssh"):
        told = subprocess.run(["ssh", *_elsewhere(), "-G", "--", alias], capture_output=True, text=True, check=False)
        if told.returncode:
            raise PathError(f"{alias}: {(told.stderr.strip() or 'ssh -G failed').splitlines()[-1]}")
        for name, _, value in (line.partition(" ") for line in told.stdout.splitlines()):
            config.setdefault(name, []).append(value)
        return config
    read = paramiko.SSHConfig.from_path(_files(_OWN)[0]) if _files(_OWN) else paramiko.SSHConfig()
    return {name: value if isinstance(value, list) else [value] for name, value in read.lookup(alias).items()}


def _elsewhere() -> list[str]:
    """Return the arguments of ssh where ``HOME`` is another directory than the account's, in which ssh looks."""
    try:
        import pwd

        own = pwd.getpwuid(os.getuid()).pw_dir
    except (ImportError, KeyError):  # Windows; an account without an entry
        return []
    return ["-F", *_files(_OWN)] if _files(_OWN) and os.path.expanduser("~") != own else []


def _files(*names: str) -> list[str]:
    """Return the paths of those that exist."""
    paths = map(os.path.expanduser, names)
    return [path for path in paths if os.path.isfile(path)]


def _jump(jump: str) -> list[str]:
    """Return the arguments of ssh for ``ProxyJump``: hosts with commas between them, the last one connects."""
    *before, last = jump.split(",")
    host, colon, port = last.rpartition(":")
    through = ["-J", ",".join(before)] if before else []
    return [*through, "-p", port, "--", host] if colon else [*through, "--", last]
