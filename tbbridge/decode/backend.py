"""Picks the compiled or the plain twin, once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tbbridge.core import settings

__all__ = [
    "IMPLEMENTATION",
    "crc32c",
    "headers",
    "masked_crc32c",
    "prefix_states",
    "scan",
    "scan_files",
    "shift",
    "sound",
]

IMPLEMENTATION, _twin = settings.twin("decode")
"""``compiled`` or ``plain``."""

if IMPLEMENTATION == "plain" and settings.DECODER != "plain":
    warnings.warn(
        "tbbridge reads event files slowly: its compiled decoder was not built; install a C compiler and "
        "reinstall tbbridge for the fast one",
        RuntimeWarning,
        stacklevel=2,
    )

_twin.use_portable_crc(settings.CRC == "portable")

if TYPE_CHECKING:
    from tbbridge.decode._native import crc32c, headers, masked_crc32c, prefix_states, scan, scan_files, shift, sound
else:
    crc32c, masked_crc32c = _twin.crc32c, _twin.masked_crc32c
    headers, prefix_states, shift, sound = _twin.headers, _twin.prefix_states, _twin.shift, _twin.sound
    scan, scan_files = _twin.scan, _twin.scan_files
