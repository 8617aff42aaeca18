"""The page of a source in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from memory_source import MemorySource, training
from playwright.sync_api import Browser
from screen import Screen

from tbbridge.viewer import Handle, serve


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Screen]]:
    """Open an address in a new window; what went wrong in any of them fails the test."""
    screens: list[Screen] = []

    def opened(url: str, **options: Any) -> Screen:
        context = chromium.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        screens.append(Screen(context.new_page()))
        screens[-1].page.goto(url)
        return screens[-1]

    yield opened
    for screen in screens:
        screen.page.context.close()
    assert [error for screen in screens for error in screen.errors] == []


@pytest.fixture
def source() -> MemorySource:
    """Two small trainings; ``mnist-cnn`` was written last."""
    made = MemorySource("logs/")
    made.put("mnist-softmax", training(80, 1, 0.92), last_write=1.0)
    made.put("mnist-cnn", training(100))
    return made


@pytest.fixture
def served(source: MemorySource) -> Iterator[Handle]:
    """The page of `source`."""
    with serve(source, port=0) as handle:
        yield handle


@pytest.fixture
def screen(served: Handle, open_page: Callable[..., Screen]) -> Screen:
    """The page of `source` in a browser, drawn."""
    shown = open_page(served.url)
    shown.wait_drawn()
    return shown
