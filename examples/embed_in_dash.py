"""Put the live page into a larger Dash app: beside your own tabs, over the run logs of a directory or a log directory.

    python examples/embed_in_dash.py logs/          # then open http://127.0.0.1:8050

All that it takes is `layout(prefix)` where the page should stand and `register(app, source, prefix)`. The prefix keeps
the page's ids apart from yours, so two pages fit into one app, as here, where a second one shows the same logs.
"""

from __future__ import annotations

import argparse

from dash import Dash, Input, Output, dcc, html
from fastapi import FastAPI

from tbbridge import Source, open_source
from tbbridge.viewer import layout, register


def make_app(source: Source) -> Dash:
    """An app with a tab of its own and two of ours."""
    app = Dash(__name__, server=FastAPI(), backend="fastapi", suppress_callback_exceptions=True)
    app.layout = html.Div(
        [
            html.H1("Our lab"),
            dcc.Tabs(id="tab", value="notes", children=[dcc.Tab(label=name.title(), value=name) for name in TABS]),
            html.Div(id="content"),
        ]
    )
    for name in ("left", "right"):
        register(app, source, f"{name}-")

    @app.callback(Output("content", "children"), Input("tab", "value"))
    def show(tab: str) -> html.Div:
        return TABS[tab]()

    return app


def notes() -> html.Div:
    return html.Div([html.P("Your own content."), dcc.Graph(figure={"data": [{"y": [3, 1, 2], "type": "bar"}]})])


def trainings() -> html.Div:
    return layout("left-", "one")


def comparison() -> html.Div:
    return html.Div([layout("left-", "one"), layout("right-", "another")])


TABS = {"notes": notes, "trainings": trainings, "comparison": comparison}


if __name__ == "__main__":
    import uvicorn

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="run logs, or a log directory")
    parser.add_argument("--port", type=int, default=8050)
    args = parser.parse_args()
    uvicorn.run(make_app(open_source(args.path)).server, port=args.port)
