"""The demo's part of the page: two lists that choose a recorded training, its speed and restart, and words.

The charts below are the ordinary ones: they draw what the bridge reads from event files that a replay is writing.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

from dash import Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate

from tbbridge import Source
from tbbridge.viewer.components import Select, attribute
from tbbridge.viewer.learn_more import page_words
from tbbridge.viewer.transport import PACKAGE

DATA = {"CIFAR-10": "cifar10", "MNIST": "mnist", "Fashion-MNIST": "fashion-mnist"}
MODELS = {"1-Layer Neural Net": "one-layer", "Simple Conv Net": "conv"}
"""The words on the page -> the part of the training's name."""
SPEEDS = (10, 25, 50, 100, 250, 1000)
"""Steps a second."""
KNOWN_WITHIN = 5.0
"""Seconds that the bridge is given to see a training that was begun just now."""

PARTS = (
    (
        "The data sets",
        "Each has ten classes and is old enough to be easy, which makes it good for looking at trainings. MNIST: "
        "60,000 grey pictures, 28 x 28 pixels, of handwritten digits. Fashion-MNIST: as many grey pictures of the "
        "same size, of clothes, shoes and bags, and harder. CIFAR-10: 50,000 coloured pictures, 32 x 32 pixels, of "
        "animals and vehicles in every position and light, and much harder.",
    ),
    (
        "The two networks",
        "The 1-Layer Neural Net joins every pixel to every class and has nothing in between: it can only weigh "
        "pixels. That is nearly enough for digits, and hopeless for animals. The Simple Conv Net has two "
        "convolutions, which look for the same small pattern everywhere in the picture, and a hidden layer. A step "
        "costs it far more computing, and it gets further.",
    ),
    (
        "What you see",
        "Six trainings were recorded with TensorFlow, in mini-batches of 50 images. Every 5 steps the accuracy and "
        "the cross entropy were written: of that mini-batch (training), and of 1,000 test images (validation). The "
        "demo writes the same records once more, at the speed that you choose, into event files in a temporary "
        "folder; tbbridge follows these as it would follow your own. A training that was begun goes on when you "
        "choose another one, so you can compare them: add them under Experiment.",
    ),
)


class Player(Protocol):
    """The replay of the trainings: `tbbridge.watching.demo_replay.DemoReplay`."""

    speed: float

    def begin(self, name: str) -> None:
        """Begin to replay the named training."""

    def restart(self, name: str) -> None:
        """Replay it from its start again."""

    def progress(self, name: str) -> tuple[int, int]:
        """Return how many of its steps are replayed, and how many there are."""


def header(name: str, speed: float) -> html.Div:
    """The demo's own controls, with the training `name` chosen, to stand above the charts."""
    data, model = name.split("/")
    return html.Div(
        [
            Select("demo-data", "Data set", label_of(DATA, data), options=list(DATA)),
            Select("demo-model", "Model", label_of(MODELS, model), options=list(MODELS)),
            Select("demo-speed", "Steps a second", f"{speed:g}", options=speeds(speed)),
            html.Button("Restart", id="demo-restart"),
            html.Progress(id="demo-bar", value="0", max="1", **attribute("aria-labelledby", "demo-progress")),
            html.Span(id="demo-progress"),
            dcc.Interval(id="demo-tick", interval=500),
        ],
        className="tb-demo",
    )


def label_of(labels: dict[str, str], part: str) -> str:
    """Return the words on the page for a part of a training's name."""
    return next(label for label, value in labels.items() if value == part)


def speeds(speed: float) -> list[str]:
    """The speeds to choose from, the present one among them."""
    return [f"{each:g}" for each in sorted({*SPEEDS, speed})]


def learn_more() -> html.Div:
    """The demo's own words, then those of every page."""
    parts = [html.Div([html.H3(title), html.P(text)]) for title, text in PARTS]
    return html.Div([*parts, *page_words().children], className="tb-words")


def progress(step: int, steps: int) -> str:
    """Return where a training is, in words."""
    return f"Step {step:,} of {steps:,}" + (" · finished" if step >= steps else "")


def training(data: str, model: str) -> str:
    """The name of the chosen training; what is in no list is not obeyed."""
    if data not in DATA or model not in MODELS:
        raise PreventUpdate
    return f"{DATA[data]}/{MODELS[model]}"


def wait_for(source: Source, name: str) -> None:
    """Return when the source knows the experiment, or after `KNOWN_WITHIN`."""
    deadline = time.monotonic() + KNOWN_WITHIN
    while source.view(name) is None and time.monotonic() < deadline:
        time.sleep(0.02)


def register_demo(app: Dash, player: Player, source: Source) -> None:
    """Bring the controls of `header` to life."""
    app.css.append_css({"relative_package_path": "assets/demo.css", "namespace": PACKAGE})
    chosen = (Input("demo-data", "value"), Input("demo-model", "value"))
    also_chosen = (State("demo-data", "value"), State("demo-model", "value"))

    @app.callback(Output("experiment", "value"), *chosen, State("controls", "data"), prevent_initial_call=True)
    def choose(data: str, model: str, controls: Any) -> list[str]:
        name = training(data, model)
        player.begin(name)
        wait_for(source, name)
        shown = controls.get("experiment") if isinstance(controls, dict) else None
        if isinstance(shown, list) and name in shown:
            raise PreventUpdate  # an address that names several keeps them
        return [name]

    @app.callback(
        Output("demo-progress", "children"),
        Output("demo-bar", "value"),
        Output("demo-bar", "max"),
        Input("demo-tick", "n_intervals"),
        *chosen,
    )
    def tick(_: int, data: str, model: str) -> tuple[str, str, str]:
        step, steps = player.progress(training(data, model))
        return progress(step, steps), str(step), str(steps)

    @app.callback(Input("demo-speed", "value"), prevent_initial_call=True)
    def accelerate(speed: str) -> None:
        if speed in speeds(player.speed):
            player.speed = float(speed)

    @app.callback(Input("demo-restart", "n_clicks"), *also_chosen, prevent_initial_call=True)
    def restart(_: int, data: str, model: str) -> None:
        player.restart(training(data, model))


def page(player: Player, source: Source, name: str) -> dict[str, Any]:
    """The arguments of `tbbridge.viewer.serve` and `make_app` that make a page the demo's."""
    return {
        "header": header(name, player.speed),
        "learn_more": learn_more(),
        "setup": lambda app: register_demo(app, player, source),
    }
