"""The tree of errors; each says what to do next.

    TbbridgeError                 the root: catch this to catch them all
    ├── UsageError                fix the command or its paths (exit code 2)
    │   ├── PathError             a path is missing, unreadable, of the wrong kind or not writable
    │   ├── MappingError          an override names a run or tag that is not there
    │   ├── ConditionError        a condition is not written as it should be: its `pointer` shows where
    │   └── PortError             the port is taken: choose another
    ├── PublishError              the target could not be written now: the old version stays, try again
    │   └── LockedError           another tbbridge publishes into this directory: stop it or choose another target
    └── FormatError               a file is not what it should be: skip it, the others go on (alone: exit code 2)

Damage inside an event file is not an error: it is a finding (`tbbridge.core.model.Damage`), and reading continues.
"""

from __future__ import annotations

import re
import unicodedata

_OPTION = r"(?<![^ (])--([a-z][a-z-]*)(?: (?=[\"'\d-])| (long|mean|median)\b)?"
_ARGUMENTS = {
    "all": "superseded=True",
    "allow-host": "allow_hosts=",
    "experiment": "experiments=",
    "force": "force=True",
    "frame": "frames=",
    "group": "groups=",
    "no-header": "header=False",
    "spreadsheet-safe": "spreadsheet_safe=True",
}
"""Options of the command line whose arguments in Python are not simply named alike."""


class TbbridgeError(Exception):
    """The root of every error that tbbridge raises on purpose; its text is one line.

    Attributes:
        exit_code: the command line's exit code.
    """

    exit_code = 1

    def __str__(self) -> str:
        """Return the message in the words of Python: an argument's name where the command line has an option."""
        return re.sub(_OPTION, _argument, self.message)

    @property
    def message(self) -> str:
        """The message in the words of the command line."""
        return super().__str__()


def _argument(option: re.Match[str]) -> str:
    value = f'"{option[2]}"' if option[2] else ""
    return _ARGUMENTS.get(option[1], f"{option[1].replace('-', '_')}=") + value


class UsageError(TbbridgeError):
    """The command or its paths are wrong: fix them."""

    exit_code = 2


class PathError(UsageError):
    """A path is missing, unreadable, of the wrong kind or not writable."""


class MappingError(UsageError):
    """An override names a run or tag that is not there."""


class ConditionError(UsageError):
    """A condition is not written as it should be.

    Args:
        condition: its text.
        start, end: the wrong word's place in it; both behind the text where a word is missing.
        what: the mistake, and the right spelling.

    Attributes:
        pointer: the condition and, below it, a caret line; two lines for the terminal.
    """

    def __init__(self, condition: str, start: int, end: int, what: str) -> None:
        super().__init__(condition, start, end, what)
        shown = "".join(char if char.isprintable() else "?" for char in condition)
        self.pointer = (f"  {shown}", f"  {' ' * _width(shown[:start])}{'^' * max(1, _width(shown[start:end]))}")

    @property
    def message(self) -> str:
        """The message in the words of the command line."""
        condition, start, end, what = self.args
        word = condition[start:end]
        return f"condition {condition!r}: {f'{word!r}: ' if word.strip() else ''}{what}"


def _width(text: str) -> int:
    """Return the cells of a terminal that a text takes: two for a wide character, none for a combining one."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


class PortError(UsageError):
    """The port is taken: choose another."""


class PublishError(TbbridgeError):
    """The target could not be written now: the old version stays, the next try may succeed."""


class LockedError(PublishError):
    """Another tbbridge publishes into this directory."""


class FormatError(TbbridgeError):
    """A file is not what it should be: skip it, the others go on."""

    exit_code = 2
