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
    globals().update({name: getattr(_twin, name) for name in __all__[1:]})
