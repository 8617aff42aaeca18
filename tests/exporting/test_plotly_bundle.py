"""Which plotly.js pages carry."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import plotly.offline
import pytest

from tbbridge import PathError
from tbbridge.exporting import plotly_bundle as bundles
from tbbridge.watching.session import chosen_plotly


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """The choice is made once per process: here, once per test."""
    bundles.plotly_bundle.cache_clear()
    yield
    bundles.plotly_bundle.cache_clear()


def place(monkeypatch: pytest.MonkeyPatch, **paths: Path) -> None:
    """Let the bundles be at these places instead."""
    monkeypatch.setattr(bundles, "PLACES", {name: ("tbbridge.viewer", str(path)) for name, path in paths.items()})


def test_the_small_one_is_taken_where_the_build_fetched_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With both installed, pages carry the small one, whole when it is unpacked."""
    (tmp_path / "small.js").write_bytes(b"/**\n* plotly.js (basic - minified) v9.8.7\n*/ small()")
    (tmp_path / "full.js").write_bytes(b"full()")
    place(monkeypatch, small=tmp_path / "small.js", full=tmp_path / "full.js")
    found = bundles.plotly_bundle()
    assert (found.name, found.version) == ("small", "9.8.7")
    assert gzip.decompress(found.compressed) == (tmp_path / "small.js").read_bytes()
    assert found.sha256 == hashlib.sha256(found.code).digest()


def test_without_it_the_full_one_of_plotly_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A plain install has no small bundle: pages carry the one that the required package ships."""
    monkeypatch.setitem(bundles.PLACES, "small", ("tbbridge.viewer", str(tmp_path / "no such.js")))
    found = bundles.plotly_bundle()
    assert (found.name, found.version) == ("full", plotly.offline.get_plotlyjs_version())
    assert found.code.decode() == plotly.offline.get_plotlyjs()


def test_it_is_said_when_pages_carry_the_full_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`watch` and `view` say so in a line, with the remedy; with the small one there is nothing to say."""
    (tmp_path / "small.js").write_bytes(b"small()")
    place(monkeypatch, small=tmp_path / "small.js")
    assert chosen_plotly() == []
    bundles.plotly_bundle.cache_clear()
    place(monkeypatch, full=tmp_path / "small.js")
    (line,) = chosen_plotly()
    assert "full plotly.js" in line
    assert "make plotly" in line


def test_without_any_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A broken installation is one line that says what to install."""
    place(monkeypatch, small=tmp_path / "a.js", full=tmp_path / "b.js")
    with pytest.raises(PathError, match="install the package plotly"):
        bundles.plotly_bundle()
