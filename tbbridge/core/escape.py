"""The one escape of names for the terminal: names come from files and directories, and are not to be trusted.

And the one way in which commands say something beside their output.
"""

from __future__ import annotations

import sys


def escaped(text: str) -> str:
    r"""Return `text` with everything that a terminal could act on written out: ``\x1b``, ``\n``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def say(*lines: str) -> None:
    """Print messages on standard error, each after the name of the program."""
    for line in lines:
        print(f"tbbridge: {escaped(line)}", file=sys.stderr, flush=True)
