"""Explains the silence of a training, by the writer that the names of its event files tell.

Sources: docs/writers.md. TensorFlow 2 ends a name in ``.v2``; TensorBoard's own writer, which torch uses, in the
process and a number; tensorboardX and TensorFlow 1 in the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

QUIET = "nothing new for a while"
"""The beginning of each of these notes."""

_WRITERS = (
    (re.compile(r"\.v2$"), "TensorFlow keeps up to ten points back until flush() or 120 s, Keras an epoch's"),
    (
        re.compile(r"tfevents\.\d+\..+\.\d+\.\d+$"),
        "torch's writer keeps nothing back, unless TensorFlow is installed beside it or the path is remote; "
        "then flush() sends it",
    ),
    (
        re.compile(r"tfevents\.\d+\.[^/]+$"),
        "tensorboardX and TensorFlow 1 keep up to 120 s back: flush_secs=5, flush()",
    ),
    (re.compile(""), "its writer may keep points back until it flushes"),
)


def quiet_note(files: Iterable[str]) -> str:
    """Return the note of an experiment that is silent.

    Args:
        files: the names of its event files; where several writers made them, the one that keeps most back counts.
    """
    kinds = {next(place for place, (name, _) in enumerate(_WRITERS) if name.search(file)) for file in files}
    for place in (2, 0, 3, 1):
        if place in kinds:
            return f"{QUIET}: {_WRITERS[place][1]}"
    return QUIET
