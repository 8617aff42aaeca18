"""The page for those who see colours otherwise, or use a screen reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from memory_source import MemorySource, training
from screen import Screen
from support import ROOT, wait_until

from tbbridge.viewer import serve
from tbbridge.viewer.app import THEMES
from tbbridge.viewer.plot import mixed

# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), table 1,
# severity 1.0; on linear RGB
SEEN = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)
APART = 12.0
"""CIE76 between two lines: the just noticeable difference is about 2.3 (Mahy, Van Eycken, Oosterlinck, 1994)."""


def linear(colour: str) -> np.ndarray:
    """A colour such as #0b6bcb as linear RGB, by the sRGB standard (IEC 61966-2-1)."""
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Linear RGB as CIE L*a*b*, white D65 (CIE 15)."""
    share = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("theme", THEMES)
def test_the_lines_colours_can_be_told_apart(theme: str, seen: str) -> None:
    """Each two of a theme's colours are several just noticeable differences apart, whichever cones are missing."""
    colours = [lab(SEEN[seen] @ linear(colour)) for colour in THEMES[theme]["colours"]]
    distances = {pair: float(np.linalg.norm(colours[pair[0]] - colours[pair[1]])) for pair in combinations(range(8), 2)}
    assert min(distances.values()) > APART, min(distances, key=lambda pair: distances[pair])


@pytest.mark.parametrize("theme", THEMES)
def test_the_report_and_the_tab_have_the_pages_colours(theme: str) -> None:
    """The HTML report draws with the same palette; the tab in TensorBoard, of one line each, with its first colour."""
    colours = THEMES[theme]["colours"]
    assert ", ".join(f'"{colour}"' for colour in colours) in (ROOT / "tbbridge/exporting/html_report.js").read_text()
    tab = (ROOT / "tbbridge/watching/tensorboard_tab.js").read_text()
    assert {colours[0], mixed(colours[0], THEMES[theme]["ground"], 0.45)} <= set(re.findall(r"#[0-9a-f]{6}", tab))


@pytest.mark.parametrize("theme", THEMES)
def test_the_lines_stand_out_from_the_ground(theme: str) -> None:
    """WCAG 2.1, 1.4.11: what is needed to understand a graphic has a contrast of 3 to 1 with its neighbours."""
    ground = THEMES[theme]["ground"]
    assert min(contrast(colour, ground) for colour in THEMES[theme]["colours"]) >= 3


def test_axe_finds_nothing_serious(open_page: Callable[..., Screen], port: int) -> None:
    """With five experiments, notes, further charts and the table; light and dark, wide and on a phone."""
    source = MemorySource()
    for seed in range(5):
        extra = {"lr": {"lr": training(20)["train cross entropy"]}}
        source.put(
            f"run{seed}", training(20, seed), extra=extra, notes=["two tags fit"], hparams={"hparam.lr": seed / 10}
        )
    with serve(source, port=port) as handle:
        address = handle.url + "?charts=lr&" + "&".join(f"experiment=run{seed}" for seed in range(5))
        for scheme, width in (("light", 1280), ("dark", 400)):
            screen = open_page(address, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
            screen.wait_drawn()
            screen.group("Prediction accuracy")
            for what in (".tb-more .js-plotly-plot", ".tb-runs tbody tr"):
                wait_until(screen.page.locator(what).count, what=what)
            found = Axe().run(screen.page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
            screen.page.goto("about:blank")
