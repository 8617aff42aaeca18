"""The page: CONFIG, DATA, FIGURES, PARTS, LAYOUT, CALLBACKS, `make_app`. Change it here; README.md has recipes.

A chart's controls reach the functions below as a plain dict by name (``weight``, ``display`` ...), experiments as
`tbbridge.ExperimentView`. Everything that they return is plain data or Dash components.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, dcc, html
from fastapi import FastAPI

from tbbridge import ExperimentView, Points, Source
from tbbridge.viewer import downloads, further, groups, messages, notices, plot, table, transport
from tbbridge.viewer.chart import Chart, added_charts, further_charts, main_charts, start
from tbbridge.viewer.components import Checkbox, Control, Picker, Radios, Select, Slider, Text, attribute
from tbbridge.viewer.learn_more import page_words
from tbbridge.viewer.lines import TARGET, Line, together
from tbbridge.viewer.readout import MOST_READ, readout
from tbbridge.viewer.snapshot import Axis

Controls = Mapping[str, Any]
Views = Sequence[ExperimentView]

# --------------------------------------------------------------------------------------------------------------- CONFIG

CHARTS = (
    Chart(
        "accuracy",
        "Prediction accuracy",
        {"Training": "train accuracy", "Validation": "val accuracy"},
        best="highest",
        format=".4f",
    ),
    Chart(
        "loss",
        "Cross entropy loss",
        {"Training": "train cross entropy", "Validation": "val cross entropy"},
        best="lowest",
        format=".4f",
    ),
)
AXES = {"Step": "step", "Relative": "relative", "Wall": "wall"}
DISPLAYS = ("Overlapping", "Separate (vertical)", "Separate (horizontal)")
PAGE_CONTROLS = {"experiment": [], "charts": [], "axis": "Step", "updates": "Regular", "share": True}
TABLE_CONTROLS = {"find": "", "sort": "", "from": "0", "by": "", "group": ""}
CHART_CONTROLS = {
    "training": True,
    "validation": False,
    "weight": 0.6,
    "display": DISPLAYS[0],
    "gap": False,
    "log": False,
    "outliers": False,
    "low": "",
    "high": "",
}
"""Name and default of each control; a chart's controls have ids like ``loss-weight``."""
MORE_CONTROLS = {"training": True, "weight": 0.6, "log": False}
"""Of all further charts together; ids like ``more-weight``."""
NOTHING_DRAWN = "Nothing to draw yet: no series feeds this chart.<br>tbbridge inspect LOGDIR says which feeds what."
MOST_SHOWN = 50
"""Experiments that are drawn at once."""
MOST_FULL = 12
"""Beyond these, a line has fewer points, and the faint lines of a colour are one."""
MOST_FURTHER = 12
"""Further charts that are drawn at once by themselves, and of those that the user adds."""
THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "colours": ("#004895", "#a42c00", "#298f67", "#b4539a", "#967609", "#379ad2", "#7953c3", "#59606a"),
        "text": "#1c2024",
        "muted": "#60646c",
        "grid": "#eceef1",
        "line": "#d3d7dd",
        "hover": "#ffffff",
        "ground": "#ffffff",
    },
    "dark": {
        "colours": ("#6ba5ee", "#e9803a", "#37c49a", "#dc84c7", "#dfbf4a", "#8fd0ff", "#8a8fff", "#b7bdc9"),
        "text": "#edeef0",
        "muted": "#a0a6b0",
        "grid": "#24282f",
        "line": "#3a3f4a",
        "hover": "#1d2026",
        "ground": "#15181c",
    },
}
"""Lines in colours that colour-blind people can tell apart, with contrast on each ground (test_accessible.py)."""

# ----------------------------------------------------------------------------------------------------------------- DATA


def charts(views: Views, controls: Controls) -> list[Chart]:
    """The two charts, then one for each further metric of the experiments, then those that the user added."""
    main = main_charts(views, CHARTS)
    further = further_charts(views, main)[:MOST_FURTHER]
    return [*main, *further, *added_charts(views, controls["charts"][:MOST_FURTHER], [*main, *further])]


def lines(chart: Chart, views: Views, controls: Controls) -> list[Line]:
    """All lines of a chart: per experiment and label the values, smoothed or not, the best one, and those not finite.

    Validation comes last, so that it is drawn above training.
    """
    if controls.get("group"):
        drawn: list[Line] = groups.mean_lines(chart, views, controls, style_of(chart), colour)
        return drawn
    found = [{label: points for label in chart.columns if (points := chart.points(view, label))} for view in views]
    drawn = []
    for label in chart.columns:
        for place, columns in enumerate(found):
            if label in columns:
                drawn += lines_of(chart, views, place, label, columns[label], controls, label == list(columns)[-1])
    for place, columns in enumerate(found):
        if controls.get("gap") and len(columns) == 2:
            drawn.append(gap_line(chart, views, place, list(columns.values()), controls))
    return together(drawn) if len(views) > MOST_FULL else drawn


def lines_of(
    chart: Chart, views: Views, place: int, label: str, points: Points, controls: Controls, named: bool
) -> list[Line]:
    """The lines of one column of one experiment; `named`: the legend names the experiment by it."""
    view, key, weight = views[place], f"{views[place].name}\0{label}\0", controls["weight"]
    smoothed = weight > 0 and controls.get(label.lower(), controls["training"])
    hue = colour(views, place, label, controls)
    style: dict[str, Any] = {
        **style_of(chart),
        **plot.subplot(label, controls),
        **plot.called(views, place, label, named),
    }
    style["line"] = {"width": 1.5 if label == "Training" else 2, "color": hue}
    faint = {**plot.FAINT, "line": {"width": 1, "color": hue}}
    signs = {**style, "mode": "markers", "showlegend": False, "cliponaxis": False}
    star = {"symbol": "star", "size": 11, "color": hue, "line": {"width": 1.2, "color": "#ffffff"}}
    cross = {"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": hue}}
    best = {**signs, "marker": star, "hovertemplate": f"best %{{y:{chart.format}}}<extra>%{{meta}}</extra>"}
    logged = f"%{{y:{chart.format}}}, logged %{{customdata:{chart.format}}}<extra>%{{meta}}</extra>"
    odd = {**signs, "marker": cross, "hovertemplate": "%{text}<extra>%{meta}</extra>"}
    many = len(views) > MOST_FULL

    def line(kind: str, trace: dict[str, Any], **more: Any) -> Line:
        return Line(key + kind, kind, [points], trace, origin=start(view), most=TARGET // (4 if many else 1), **more)

    return [
        line("raw", {**style, **faint} if smoothed else style, behind=smoothed),
        *([line("smooth", {**style, "hovertemplate": logged}, weight=weight)] if smoothed else []),
        *([line("best", best, best=chart.best)] if chart.best and (place < MOST_READ or not many) else []),
        *([line("odd", odd)] if not (many and np.isfinite(points.value).all()) else []),
    ]


def gap_line(chart: Chart, views: Views, place: int, both: list[Points], controls: Controls) -> Line:
    """The gap between validation and training, smoothed as training is, in a strip of its own."""
    style = {**style_of(chart), **plot.strip(controls["display"]), **plot.called(views, place, "Gap", named=False)}
    style["line"] = {"width": 1.5, "color": colour(views, place, "Gap", controls)}
    worse = "lowest" if chart.lower_is_better else "highest"
    weight = controls["weight"] if controls["training"] else 0.0
    return Line(f"{views[place].name}\0gap", "gap", both, style, weight, worse, start(views[place]))


# -------------------------------------------------------------------------------------------------------------- FIGURES


def figure(chart: Chart, traces: list[dict[str, Any]], axis: Axis, views: Views, controls: Controls) -> dict[str, Any]:
    """The Plotly figure of a chart, as plain data. `traces` are those of `lines`, with their points."""
    theme, display = THEMES[controls["theme"]], controls.get("display", DISPLAYS[0]) if traces else DISPLAYS[0]
    strip = any(trace.get("yaxis") == "y3" for trace in traces)
    named = len(views) < 6 or bool(controls.get("group"))
    layout = plot.figure_layout(axis, theme, display, bool(controls["log"]), legend=named, strip=strip)
    if not traces:
        return {"data": [], "layout": layout | plot.nothing(NOTHING_DRAWN if views else "", theme)}
    marks, titles = plot.marks(views, theme) if axis.kind == "step" else {}, plot.titles(display, strip, theme)
    layout |= {**marks, "annotations": [*marks.get("annotations", []), *titles]}
    plot.limit(layout, plot.y_range(traces, controls))
    return {"data": traces, "layout": layout}


def style_of(chart: Chart) -> dict[str, Any]:
    """The settings that all lines of a chart share."""
    return {"type": "scatter", "mode": "lines", "hovertemplate": f"%{{y:{chart.format}}}<extra>%{{meta}}</extra>"}


def colour(views: Views, place: int, label: str, controls: Controls) -> str:
    """An experiment's own colour, by its place among the chosen; lighter for training."""
    theme, chosen, name = THEMES[controls["theme"]], controls["experiment"], views[place].name
    hue = theme["colours"][(chosen.index(name) if name in chosen else place) % len(theme["colours"])]
    return plot.mixed(hue, theme["ground"], 0.45) if label == "Training" else str(hue)


# ---------------------------------------------------------------------------------------------------------------- PARTS


def top(prefix: str, title: str) -> html.Header:
    """One line of state: the source's title, whether it lives, how often it is drawn."""
    return html.Header(
        [
            html.H1([html.Span("tbbridge", className="tb-brand"), html.Span(title, className="tb-title")]),
            Picker(f"{prefix}experiment", "Experiment", [], options=[], colours=[], placeholder="Choose…"),
            html.Div(id=f"{prefix}state", className="tb-state"),
            Radios(f"{prefix}axis", "X axis", PAGE_CONTROLS["axis"], options=list(AXES)),
            Select(f"{prefix}updates", "Updates", PAGE_CONTROLS["updates"], options=list(messages.SPEEDS)),
            html.A("TensorBoard", id=f"{prefix}tensorboard", target="_blank", rel="noopener", hidden=True),
            notices.notify_button(prefix),
            html.Button("Theme", className="tb-theme", title="Light or dark", **attribute("data-tb", "theme")),
        ],
        className="tb-header",
    )


def shared_controls(prefix: str) -> html.Section:
    """The controls of both charts: a value that is set here is set for each of them."""
    parts = [*chart_controls(f"{prefix}both-"), Checkbox(f"{prefix}share", "Shared x range", PAGE_CONTROLS["share"])]
    named = attribute("aria-label", "Both charts")
    return html.Section(parts, id=f"{prefix}both", role="group", className="tb-both", **named)


def chart_controls(start: str) -> list[Any]:
    """A chart's controls. To add one: here, and its name and default in CHART_CONTROLS."""

    def control(kind: type[Control], name: str, label: str, **extra: Any) -> Control:
        return kind(f"{start}{name}", label, CHART_CONTROLS[name], **extra)

    smoothed = [control(Checkbox, "training", "Training"), control(Checkbox, "validation", "Validation")]
    checks = (("gap", "Gap"), ("log", "Log scale"), ("outliers", "Ignore outliers"))
    return [
        html.Div([control(Slider, "weight", "Smoothing"), html.Div(smoothed, className="tb-checks")]),
        control(Radios, "display", "Display mode", options=list(DISPLAYS)),
        html.Div([control(Checkbox, name, label) for name, label in checks], className="tb-checks"),
    ]


def chart_row(prefix: str, chart: Chart) -> html.Section:
    """One metric: a wide chart, and beside it that chart's figures and, folded, its own controls."""
    title = f"{prefix}{chart.id}-title"
    ends = [Text(f"{prefix}{chart.id}-{end}", f"y {word}", "") for end, word in (("low", "from"), ("high", "to"))]
    own = [*chart_controls(f"{prefix}{chart.id}-"), html.Div(ends, className="tb-checks")]
    figures = html.Div(id=f"{prefix}{chart.id}-readout", className="tb-readout")
    panel = [figures, html.Details([html.Summary("Only this chart"), html.Div(own)], className="tb-own")]
    head = html.Div([html.H2(chart.title, id=title), html.Span(id=f"{prefix}{chart.id}-key")], className="tb-head")
    wide = html.Div([head, further.graph(prefix, chart)], className="tb-chart")
    return html.Section(
        [wide, html.Div(panel, className="tb-panel")],
        id=f"{prefix}{chart.id}-row",
        role="group",
        className="tb-row",
        **attribute("aria-labelledby", title),
    )


def footer(prefix: str) -> html.Footer:
    """The downloads."""
    buttons = [
        html.Button("Download CSV", id=f"{prefix}csv"),
        html.Button("Download page", id=f"{prefix}page"),
        html.Button("Copy link", **attribute("data-tb", "link")),
    ]
    return html.Footer([*buttons, dcc.Download(id=f"{prefix}file")], className="tb-footer")


# --------------------------------------------------------------------------------------------------------------- LAYOUT


def layout(prefix: str = "", title: str = "", *, header: Any = None, learn_more: Any = None) -> html.Div:
    """The page's components; all their ids start with `prefix`.

    `title` says what is shown, `header` is added above the charts, `learn_more` takes the place of the words there.
    """
    parts = [
        top(prefix, title),
        html.Div(header, className="tb-top", hidden=header is None),
        html.Div(id=f"{prefix}notice", className="tb-notice", role="status"),
        html.Main(
            [
                shared_controls(prefix),
                *(chart_row(prefix, chart) for chart in CHARTS),
                table.table_section(prefix),
                further.section(prefix, MORE_CONTROLS),
            ]
        ),
        html.Details([html.Summary("Learn more"), learn_more or page_words()], className="tb-learn"),
        footer(prefix),
        *messages.carriers(prefix),
    ]
    return html.Div(parts, id=f"{prefix}tbbridge", className="tbbridge", **attribute("data-tb-page", prefix))


def changing(prefix: str, source: Source, views: Views, controls: Controls) -> dict[str, Any]:
    """The parts of the page that may change besides figures, as ``id.property`` -> value; sent where they differ."""
    names, drawn, chosen = source.names(), charts(views, controls), controls["charts"]
    main, more, offer = drawn[: len(CHARTS)], drawn[len(CHARTS) :], further.offer(views, chosen)
    colours = [colour(views, place, "", controls) for place in range(len(views))]
    by_name = dict(zip((view.name for view in views), colours, strict=True))
    hidden = len(further_charts(views, main_charts(views, CHARTS))) - MOST_FURTHER
    return {
        "experiment.options": names,
        "experiment.colours": [by_name.get(name, "gray") for name in controls["experiment"] or by_name],
        "notice.children": notices.notice(source, names, views, controls["experiment"], hidden, MOST_SHOWN),
        **(table.table_parts(source, controls, by_name) if controls["table"] else {}),
        "tensorboard.href": source.tensorboard_url or "",
        "tensorboard.hidden": not source.tensorboard_url,
        "notify.hidden": not getattr(source, "conditions", ()),
        "images.href": (images := further.in_tensorboard(source.tensorboard_url, views)),
        "images.hidden": not images,
        "more.hidden": not (more or chosen or any(len(view.extra) for view in views)),
        "more-shared.hidden": not more,
        "more-charts.children": [further.small_chart(prefix, chart, chosen) for chart in more],
        "offer.children": offer,
        **{f"{part}.hidden": bool(offer) or not names for part in ("both", *(f"{chart.id}-row" for chart in main))},
        **{f"{chart.id}-title.children": chart.title for chart in main},
        **{f"{chart.id}-key.children": "pale training, full validation" if views[1:] else "" for chart in main},
        **{f"{chart.id}-readout.children": readout(prefix, chart, views, colours) for chart in main},
    }


def page_of(source: Source, prefix: str = "") -> messages.Page:
    """The page's state that the server needs to know."""
    defaults = {**PAGE_CONTROLS, **TABLE_CONTROLS, **{f"more-{name}": value for name, value in MORE_CONTROLS.items()}}
    defaults |= {f"{chart.id}-{name}": value for chart in CHARTS for name, value in CHART_CONTROLS.items()}
    return messages.Page(source, prefix, defaults, charts, lines, figure, changing, AXES, MOST_SHOWN)


# ------------------------------------------------------------------------------------------------------------ CALLBACKS


def register(app: Dash, source: Source, prefix: str = "", *, alone: bool = False) -> None:
    """Bring the parts of `layout(prefix)` to life in `app`: scripts, styles, the live route and the callbacks.

    `app` may be any Dash app; where its backend has no websockets, the page polls. `alone` says that nothing else draws
    with plotly.js on the page.
    """
    page = page_of(source, prefix)
    transport.register_transport(app, page, alone)
    file = Output(f"{prefix}file", "data", allow_duplicate=True)
    shown, wanted = State(f"{prefix}experiment", "value"), State(f"{prefix}controls", "data")

    @app.callback(
        [Output(f"{prefix}charts", name) for name in ("options", "total")],
        Input(f"{prefix}charts", "search"),
        shown,
        prevent_initial_call=True,
    )
    def find_charts(words: str | None, names: list[str]) -> Any:
        return further.find(messages.look(page, messages.clean({"experiment": names}, page)), str(words or ""))

    @app.callback(
        Output(f"{prefix}experiment", "value", allow_duplicate=True),
        Input(f"{prefix}best", "n_clicks"),
        State(f"{prefix}by", "value"),
        wanted,
        prevent_initial_call=True,
    )
    def show_best(_: int, column: str, controls: Any) -> Any:
        return table.best_shown(source, messages.clean(controls, page), str(column))

    @app.callback(file, Input(f"{prefix}table-csv", "n_clicks"), wanted, prevent_initial_call=True)
    def download_table(_: int, controls: Any) -> Any:
        return downloads.table(table.table_csv(source, messages.clean(controls, page)))

    @app.callback(file, Input(f"{prefix}csv", "n_clicks"), shown, prevent_initial_call=True)
    def download_csv(_: int, names: list[str]) -> Any:
        return downloads.csv(source, names)

    @app.callback(file, Input(f"{prefix}page", "n_clicks"), wanted, prevent_initial_call=True)
    def download_page(_: int, controls: Any) -> Any:
        return downloads.report(page, controls)


# -------------------------------------------------------------------------------------------------------------- THE APP


def make_app(
    source: Source,
    *,
    header: Any = None,
    learn_more: Any = None,
    setup: Callable[[Dash], None] | None = None,
    **options: Any,
) -> Dash:
    """The page as a Dash app of its own; `tbbridge.viewer.serve` serves it.

    `header` and `learn_more` are components, see `layout`; `setup` is called with the app and may add callbacks;
    `options` go to Dash (``server``, ``url_base_pathname`` ...).
    """
    options.setdefault("server", FastAPI(docs_url=None, redoc_url=None, openapi_url=None))
    with transport.without_dash_variables():
        app = Dash(
            "tbbridge.viewer", backend="fastapi", title="tbbridge", update_title="", **(transport.SAFE | options)
        )
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    transport.keep_safe(app)
    app.layout = lambda: layout("", source.title, header=header, learn_more=learn_more)
    register(app, source, alone=True)
    if setup:
        setup(app)
    return app
