"""The environment's choices, read here for the rooms that may not, and the twins that they choose."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType

DECODER = os.environ.get("TBBRIDGE_DECODER", "")
"""``compiled`` or ``plain`` forces that decoder; empty takes the compiled one where it was built."""

CRC = os.environ.get("TBBRIDGE_CRC", "")
"""``portable`` forces the compiled decoder's table checksum; empty takes the processor's instruction if it has one."""


def twin(room: str) -> tuple[str, ModuleType]:
    """Import the inner loops of a room; return ``compiled`` or ``plain``, and the module.

    Raises:
        ImportError: the compiled ones are forced, and were not built.
    """
    if DECODER != "plain":
        try:
            return "compiled", import_module(f"tbbridge.{room}._native")
        except ImportError:
            if DECODER == "compiled":
                raise
    return "plain", import_module(f"tbbridge.{room}._plain")
