"""The plotly.js that pages carry: the small bundle where the build fetched it, else the full one of ``plotly``.

`plotly` is required and ships the whole of plotly.js (4.8 MB, 1.5 MB compressed); the small bundle draws the same
charts in a quarter of it. Neither Dash nor plotly is imported to find them.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

from tbbridge.core.errors import PathError

PLACES = {
    "small": ("tbbridge.viewer", "bundle/plotly-basic.min.js"),
    "full": ("plotly", "package_data/plotly.min.js"),
}
"""By name, in the order of preference: the package that holds a bundle, and its path there."""


@dataclass(frozen=True)
class PlotlyBundle:
    """One plotly.js."""

    name: str
    """``small`` or ``full``."""
    code: bytes

    @property
    def version(self) -> str:
        """The version of plotly.js, from the comment that the bundle begins with; "" without one."""
        found = re.search(rb"plotly\.js[^\n]* v(\d[\w.]*)", self.code[:400])
        return found[1].decode() if found else ""

    @cached_property
    def sha256(self) -> bytes:
        """The SHA-256 digest of the code."""
        return hashlib.sha256(self.code).digest()

    @cached_property
    def compressed(self) -> bytes:
        """The code as gzip, as small as it gets (0.2 to 0.6 s, once)."""
        return gzip.compress(self.code, 9, mtime=0)


def find_bundle(name: str) -> Path | None:
    """Return the path of the ``small`` or the ``full`` bundle; None where it is not installed."""
    package, path = PLACES[name]
    spec = find_spec(package)
    places = [Path(folder) / path for folder in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if place.is_file()), None)


@cache
def plotly_bundle() -> PlotlyBundle:
    """Return the bundle that this process's pages carry.

    Raises:
        PathError: the installation has none.
    """
    for name in PLACES:
        if path := find_bundle(name):
            return PlotlyBundle(name, path.read_bytes())
    raise PathError("this installation lacks plotly.js: install the package plotly again")
