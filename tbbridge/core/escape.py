"""The one escape of names for the terminal: names come from files and directories, and are not to be trusted."""

from __future__ import annotations


def escaped(text: str) -> str:
    r"""Return `text` with everything that a terminal could act on written out: ``\x1b``, ``\n``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
