"""The live page, as a Dash app that may also live inside a larger one. Its parts, in the order of the data:

    app.py         the page: change it here
    chart.py       a chart: its columns, how its values are read
    lines.py       what each line of a chart draws, and how it goes on when points are appended
    picture.py     what a page holds: a bounded snapshot, then only what is new
    readout.py, plot.py, words.py, downloads.py   a chart's figures, its look, Learn more, what one may take away
    live.py        what a page is told next
    wire.py        the websocket that carries it (or, where that is refused, the poll)
    components.py  native form controls and a plot, as Dash components
    security.py    who may ask, and how much
    serve.py       the server, in a thread; pressed.py compresses for it
    demo.py        what `tbbridge demo` adds to the page

It sees tbbridge through its front door only, and draws any `tbbridge.Source`.
"""

from importlib.metadata import version

from tbbridge.viewer.app import layout, make_app, register
from tbbridge.viewer.serve import Handle, serve

__all__ = ["Handle", "layout", "make_app", "register", "serve"]
__version__ = version("tbbridge")
