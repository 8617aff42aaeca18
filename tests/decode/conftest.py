"""Each twin of the decoder, forced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tbbridge.decode import _native, _plain, backend

TWINS = {"compiled": _native, "portable": _native, "plain": _plain}


@pytest.fixture(params=TWINS)
def any_twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Runs a test with the compiled twin, with it and its table checksum, and with the plain twin."""
    module = TWINS[request.param]
    for name in ("scan", "scan_files", "sound", "headers", "prefix_states", "shift", "crc32c", "masked_crc32c"):
        monkeypatch.setattr(backend, name, getattr(module, name))
    _native.use_portable_crc(request.param == "portable")
    yield request.param
    _native.use_portable_crc(False)
