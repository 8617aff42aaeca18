"""The demo's page in a real browser: its own controls above the ordinary charts, and both moving."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from dash import Dash
from screen import Screen
from support import wait_until

import tbbridge
from tbbridge.viewer import demo, make_app, serve
from tbbridge.watching.demo_replay import DemoReplay


@pytest.fixture
def player(tmp_path: Path) -> Iterator[DemoReplay]:
    """Replays into an ordinary log directory; MNIST with the small convolutional network has begun."""
    with DemoReplay(tmp_path / "demo", 50.0) as player:
        player.begin("mnist/conv")
        yield player


@pytest.fixture
def screen(player: DemoReplay, tmp_path: Path, open_page: Callable[..., Screen], port: int) -> Iterator[Screen]:
    """The demo's page, drawn, over the ordinary bridge."""
    with tbbridge.Bridge(tmp_path / "demo", publish=False) as bridge:
        app = make_app(bridge, **demo.page(player, bridge, "mnist/conv"))
        with serve(bridge, port=port, app=app) as handle:
            screen = open_page(handle.url)
            screen.wait_drawn()
            yield screen
            screen.page.goto("about:blank")  # leave before the server does


def steps_drawn(screen: Screen, chart: str = "accuracy") -> int:
    """The last step of the training line."""
    return int(max(screen.line(chart, "Training")["x"], default=-1))


def begins_with(screen: Screen, value: float) -> bool:
    """Whether that is the first value of the validation line."""
    return screen.line("accuracy", "Validation")["y"][:1] == [pytest.approx(value, abs=1e-4)]


def test_both_charts_grow_and_the_header_says_how_far(screen: Screen) -> None:
    """Step and total steps are told, and the charts get the points as the replay writes them."""
    first = steps_drawn(screen)
    wait_until(lambda: steps_drawn(screen) >= first + 50, what="the accuracy chart grows")
    wait_until(lambda: steps_drawn(screen, "loss") >= first + 50, what="the loss chart grows")
    wait_until(lambda: "of 2,000" in screen.cell("demo-progress"), what="the total is told")
    assert screen.cell("demo-progress").startswith("Step ")


def test_the_two_lists_choose_data_set_and_model(screen: Screen, player: DemoReplay) -> None:
    """Choosing begins that training, and the charts show it; the one before goes on."""
    screen.page.get_by_label("Data set").select_option("CIFAR-10")
    screen.page.get_by_label("Model").select_option("1-Layer Neural Net")
    wait_until(lambda: "of 5,000" in screen.cell("demo-progress"), what="the total of the new one is told")
    wait_until(lambda: begins_with(screen, 0.106), what="the new training is drawn")
    before = player.progress("mnist/conv")[0]
    wait_until(lambda: player.progress("mnist/conv")[0] > before, what="the first training goes on")


def test_an_address_that_names_two_trainings_keeps_both(
    screen: Screen, player: DemoReplay, open_page: Callable[..., Screen]
) -> None:
    """A shared address of the demo shows both trainings, beside the lists' own choice."""
    player.begin("cifar10/one-layer")
    address = screen.page.url.split("?")[0]
    wanted = "?experiment=mnist%2Fconv&experiment=cifar10%2Fone-layer"
    wanted += "&demo-data=CIFAR-10&demo-model=1-Layer+Neural+Net"
    other = open_page(address + wanted)
    both = ("mnist/conv", "cifar10/one-layer")
    wait_until(lambda: all(other.line("accuracy", "Training", name)["x"] for name in both), what="both are drawn")
    wait_until(lambda: other.page.get_by_label("Model").input_value() == "1-Layer Neural Net", what="the lists")
    for name in both:
        before = max(other.line("accuracy", "Training", name)["x"])
        wait_until(lambda: max(other.line("accuracy", "Training", name)["x"], default=0) > before, what="it is kept")  # noqa: B023
    assert other.page.url.count("experiment=") == 2
    other.page.goto("about:blank")


def test_speed_and_restart(screen: Screen, player: DemoReplay) -> None:
    """Steps a second changes the pace of the replay, and Restart begins again from step 0."""
    screen.page.get_by_label("Steps a second").select_option("1000")
    wait_until(lambda: player.speed == 1000.0, what="the speed is taken")
    wait_until(lambda: "finished" in screen.cell("demo-progress"), what="the training ends")
    wait_until(lambda: steps_drawn(screen) == 2000, what="all is drawn")
    screen.page.get_by_label("Steps a second").select_option("10")
    wait_until(lambda: player.speed == 10.0, what="the speed is taken")
    screen.page.get_by_role("button", name="Restart").click()
    wait_until(lambda: 0 <= steps_drawn(screen) < 500, what="the charts begin again")


def test_learn_more_explains_what_is_seen(screen: Screen) -> None:
    """The data sets, the networks, the two plots and smoothing are explained."""
    screen.page.get_by_text("Learn more").click()
    headings = screen.page.locator(".tb-words h3").all_inner_texts()
    assert {"The data sets", "The two networks", "The two charts", "Smoothing"} <= set(headings)


def test_what_no_list_offers_is_not_obeyed(player: DemoReplay, tmp_path: Path) -> None:
    """A forged request neither stops the replay nor begins something else."""
    with tbbridge.Bridge(tmp_path / "demo", publish=False) as bridge:
        app = make_app(bridge, **demo.page(player, bridge, "mnist/conv"))
        with serve(bridge, port=0, app=app) as handle:
            assert forge(handle.url, app, demo_speed="0") in (200, 204)
            assert forge(handle.url, app, demo_data="../../etc", demo_model="conv") == 204
            assert player.speed == 50.0
            reached = player.progress("mnist/conv")[0]
            wait_until(lambda: player.progress("mnist/conv")[0] > reached, what="the replay goes on")


def forge(url: str, app: Dash, **values: str) -> int:
    """Call the callback whose inputs are these (``demo_speed`` for the value of demo-speed); the answer's status."""
    ids = [name.replace("_", "-") for name in values]
    ((output, state),) = [
        (key, callback["state"])
        for key, callback in app.callback_map.items()
        if [given["id"] for given in callback["inputs"]] == ids and "demo-progress" not in key
    ]
    inputs = [{"id": id, "property": "value", "value": value} for id, value in zip(ids, values.values(), strict=True)]
    body = {"output": output, "inputs": inputs, "changedPropIds": [f"{ids[0]}.value"], "state": state}
    if output.startswith("experiment"):
        body["outputs"] = {"id": "experiment", "property": "value"}
    request = Request(url + "_dash-update-component", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return int(answer.status)
