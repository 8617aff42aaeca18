"""The page of a source in a real browser."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from memory_source import MemorySource, training
from playwright.sync_api import Browser, Page
from screen import Screen

from tbbridge.viewer import Handle, serve

VIEWPORT = {"width": 1400, "height": 900}


@pytest.fixture(scope="session")
def port() -> int:
    """A port for the page of each test: a browser compiles the scripts of the same address once.

    It lies below those that a system hands out by itself, so that nobody takes it between two tests.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as listener:
            if listener.connect_ex(("127.0.0.1", port)):
                return port


@pytest.fixture(scope="session")
def window(chromium: Browser) -> Page:
    """The window of the tests that need no options: a new one costs the processor two seconds."""
    return chromium.new_context(viewport=VIEWPORT).new_page()


@pytest.fixture
def open_page(chromium: Browser, window: Page) -> Iterator[Callable[..., Screen]]:
    """Open an address in a window that remembers nothing; what went wrong in any of them fails the test."""
    screens: list[Screen] = []

    def opened(url: str, **options: Any) -> Screen:
        if options or screens:
            screens.append(Screen(chromium.new_context(**{"viewport": VIEWPORT, **options}).new_page()))
        else:
            screens.append(Screen(window))
        screens[-1].page.goto(url)
        return screens[-1]

    yield opened
    for screen in screens:
        screen.stop_listening()
        if screen.page is not window:
            screen.page.context.close()
    window.goto("about:blank")
    window.mouse.move(0, 0)
    memory = window.context.new_cdp_session(window)
    memory.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "cookies,local_storage"})
    memory.detach()
    assert [error for screen in screens for error in screen.errors] == []


@pytest.fixture
def source() -> MemorySource:
    """Two small trainings; ``mnist-cnn`` was written last."""
    made = MemorySource("logs/")
    made.put("mnist-softmax", training(80, 1, 0.92), last_write=1.0)
    made.put("mnist-cnn", training(100))
    return made


@pytest.fixture
def served(source: MemorySource, port: int) -> Iterator[Handle]:
    """The page of `source`."""
    with serve(source, port=port) as handle:
        yield handle


@pytest.fixture
def screen(served: Handle, open_page: Callable[..., Screen]) -> Screen:
    """The page of `source` in a browser, drawn."""
    shown = open_page(served.url)
    shown.wait_drawn()
    return shown
