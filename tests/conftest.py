"""Fixtures for every room: the helpers of `support` under their own names."""

from __future__ import annotations

import os
import signal
import sys
import types
from collections.abc import Callable, Iterator

import pytest
import support
from hypothesis import settings
from playwright.sync_api import Browser, Playwright, sync_playwright

CHROMIUM = "/usr/bin/chromium-headless-shell"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)

# TensorBoard's own switch, in this process and, by `without_tensorflow`, in those that it starts
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
os.environ["PYTHONPATH"] = str(support.WITHOUT_TENSORFLOW)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background: children would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = (
    *("test_trainings", "test_remote", "test_controls", "test_packaging", "test_examples", "test_engine"),
    *("test_series_real", "test_ssh_host", "test_everything_beside_scalars", "test_demo_recording", "test_limits"),
    *("test_live", "test_reading_well", "test_permissions", "test_follow_wide", "test_watch"),
)
"""The modules that take longest: they come first, or the last one would run alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first."""
    items.sort(key=lambda item: next((i for i, name in enumerate(LONGEST) if item.path.stem == name), len(LONGEST)))


# No deadline: a busy machine is no slow program. On CI the same examples every time, so a red run is the change's.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
if "EXAMPLES" in os.environ:  # the long campaigns: make hypothesis-decode, make hypothesis-shape
    settings.register_profile("long", deadline=None, max_examples=int(os.environ["EXAMPLES"]))
    settings.load_profile("long")


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., object]:
    """`support.wait_until`: poll a condition until it holds, with a deadline."""
    return support.wait_until


@pytest.fixture(scope="session")
def run_cli() -> Callable[..., object]:
    """`support.run_cli`: ``tbbridge ARGS`` as a process, to its end."""
    return support.run_cli


@pytest.fixture(scope="session")
def running_cli() -> Callable[..., object]:
    """`support.running_cli`: ``tbbridge ARGS`` as a running process, in a with block."""
    return support.running_cli


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    return support.free_port()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One for all rooms, since there may be one at a time."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium without a desktop: a page costs it 60 % of the whole one's processor time."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    yield browser
    browser.close()


@pytest.fixture
def desktop_chromium(playwright: Playwright) -> Iterator[Browser]:
    """The system's whole Chromium, for what the other one has not: notifications."""
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
    yield browser
    browser.close()
