"""The file name of an experiment: injective, safe on every file system, never an event file's name."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

SUFFIX = ".csv"

SUMMARY = "./summary"
"""The name under which the summary of all experiments is published: no experiment has a part ``.``, but the root's."""

WIDE = ".wide"
"""The ending of a wide table's name, after the experiment's."""

LONGEST_PART = 255 - len(SUFFIX)
"""Bytes: the file systems of Linux, macOS and Windows take 255 a path component."""

LONGEST_NAME = 1500
"""Bytes of a whole name below the target directory; Linux takes 4096 a path, with the directory's own."""

CUT = "%~"
"""Marks a shortened or a told-apart name; it occurs in no other, since ``%`` is otherwise followed by two digits."""


_UNSAFE = re.compile('[%\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\\\\"*:<>?|]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)", re.IGNORECASE)
"""Names that Windows takes for devices, whatever their suffix ("Naming Files, Paths, and Namespaces")."""

_ALIAS = re.compile(r"[^.]{0,6}~[0-9]{1,6}(\.[^.]{0,3})?")
"""Names of the kind ``LONGNA~1.CSV`` that VFAT and NTFS make up, as a second one, for a file with a long name."""


def file_name(experiment: str) -> str:
    """The path of an experiment's file below the target directory, with ``/``: its name and ``.csv``.

    ``a/b`` is ``b.csv`` in the directory ``a``. Injective: two experiments never share a file. Written as ``%`` and two
    hexadecimal digits per byte: ``%`` itself, control characters, what turns the direction of text, backslashes and
    ``"*:<>?|`` (which VFAT and NTFS refuse), a dot or blank at the end of a directory, the first letter of a part that
    Windows takes for a device (``CON``, ``nul.x``), the ``~`` of a part that may be another file's short name
    (``LONGNA~1``), a dot at the start of a part (a hidden run makes no hidden file, and tbbridge's own temporary files
    begin with one), the first letter of ``summary`` (``summary.csv`` is that of all experiments), the ``e`` after
    ``tf`` in ``tfevents`` (a written file must not look like an event file), and the dot of a directory that ends in
    ``.csv`` (it would stand where another experiment's file belongs). A part that is too long is cut, and ends in
    ``%~`` and a hash of the whole.
    """
    if experiment == SUMMARY:
        return "summary" + SUFFIX
    parts = experiment.split("/")
    escaped = [_shorten(_escape(part, directory=True), part) for part in parts[:-1]]
    escaped.append(_shorten(_escape(parts[-1], directory=False), parts[-1]))
    if experiment.casefold() == "summary":
        escaped = [_hexadecimal(experiment[0]) + experiment[1:]]
    name = "/".join(escaped)
    if len(name.encode()) > LONGEST_NAME:
        name = _cut(name.replace("/", "%2F"), 100) + _hash(experiment)
    return name + SUFFIX


def experiment_name(file: str) -> str:
    """Return the experiment whose `file_name` this is; where it was cut, the rest of it."""
    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda found: _bytes(found[0]), file.removesuffix(SUFFIX))


def _bytes(text: str) -> str:
    return bytes.fromhex(text.replace("%", "")).decode("utf-8", "replace")


def file_names(experiments: Iterable[str], *, case_matters: bool = True) -> dict[str, str]:
    """`file_name` of each experiment; with ``case_matters=False``, told apart where only case or normal form differ.

    The first of such a group (by name) keeps its file name, the others get ``%~`` and a hash.
    """
    names = {experiment: file_name(experiment) for experiment in sorted(set(experiments))}
    if case_matters:
        return names
    groups: dict[str, list[str]] = defaultdict(list)
    for experiment in names:
        groups[caseless(experiment)].append(experiment)
    for _, *others in groups.values():
        for experiment in others:
            names[experiment] = names[experiment].removesuffix(SUFFIX) + _hash(experiment) + SUFFIX
    return names


def caseless(experiment: str) -> str:
    """Return the file name of an experiment without what only case and normal form tell apart (Unicode, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", file_name(experiment)).casefold())


def _escape(part: str, *, directory: bool) -> str:
    text = _UNSAFE.sub(lambda found: _hexadecimal(found[0]), part)
    text = text.replace("tfevents", "tf%65vents")
    if not text or text.startswith("."):
        text = "%2E" + text[1:] if text else "%00"
    if _ALIAS.fullmatch(text if directory else text + SUFFIX):
        text = text.replace("~", "%7E")
    if directory and text.lower().endswith(SUFFIX):
        text = f"{text[:-4]}%2E{text[-3:]}"
    if directory and text.endswith((".", " ")):
        text = text[:-1] + _hexadecimal(text[-1])
    return _hexadecimal(text[0]) + text[1:] if _DEVICE.match(text) else text


def _hexadecimal(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def _shorten(text: str, part: str) -> str:
    return text if len(text.encode()) <= LONGEST_PART else _cut(text, LONGEST_PART - 40) + _hash(part)


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")


def _hash(text: str) -> str:
    import hashlib

    return CUT + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
