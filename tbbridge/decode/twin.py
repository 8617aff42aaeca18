"""Picks the compiled or the plain twin, once."""

from __future__ import annotations

import warnings
from types import ModuleType

from tbbridge import settings


def _pick() -> tuple[str, ModuleType]:
    if settings.DECODER != "plain":
        try:
            from tbbridge.decode import _native

            return "compiled", _native
        except ImportError:
            if settings.DECODER == "compiled":
                raise
            warnings.warn(
                "tbbridge reads event files slowly: its compiled decoder was not built; install a C compiler and "
                "reinstall tbbridge for the fast one",
                RuntimeWarning,
                stacklevel=2,
            )
    from tbbridge.decode import _plain

    return "plain", _plain


IMPLEMENTATION, _twin = _pick()
"""``compiled`` or ``plain``."""

_twin.use_portable_crc(settings.CRC == "portable")

scan = _twin.scan
headers = _twin.headers
prefix_states = _twin.prefix_states
shift = _twin.shift
crc32c = _twin.crc32c
masked_crc32c = _twin.masked_crc32c
