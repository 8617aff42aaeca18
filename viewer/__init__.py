"""The live page, as a Dash app that may also live inside a larger one. Its parts, in the order of the data:

    lines.py     what each line of a chart draws, and how it goes on when points are appended
    picture.py   what a page holds: a bounded snapshot, then only what is new
    live.py      the websocket (or, where it is refused, the poll) that carries it
    components.py  native form controls and a plot, as Dash components
    app.py       the page: change it here
    security.py  who may ask, and how much
    serve.py     the server, in a thread

It sees tbbridge through its front door only, and draws any `tbbridge.Source`.
"""

from importlib.metadata import version

from tbbridge.viewer.app import layout, make_app, register
from tbbridge.viewer.serve import Handle, serve

__all__ = ["Handle", "layout", "make_app", "register", "serve"]
__version__ = version("tbbridge")
