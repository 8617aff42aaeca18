"""The live page, as a Dash app that may also live inside a larger one.

Its parts, in the order of the data:

    app.py         the page: change it here
    chart.py       a chart: its columns, how its values are read
    further.py     the charts below the two, and the search that adds them
    table.py       the table of experiments; groups.py draws their means
    lines.py       what each line of a chart draws, and how it goes on when points are appended
    snapshot.py    the bounded picture that a page holds, and the new points after it
    readout.py, plot.py, notices.py, learn_more.py, downloads.py   a chart's figures, its look, what is said, downloads
    messages.py    the next message to a page
    transport.py   the websocket that carries it (or, where that is refused, the poll)
    components.py  native form controls and a plot, as Dash components
    security.py    who may ask, and how much
    front.py       the path of a proxy, and requests that Dash does not answer well
    protocol.py    HTTP with bounds; gzip.py compresses
    serve.py       the server, in a thread
    notebook.py    the page in a notebook's cell
    demo.py        what `tbbridge demo` adds to the page

It sees tbbridge through its front door only, and draws any `tbbridge.Source`.
"""

from importlib.metadata import version

from tbbridge.viewer.app import layout, make_app, register
from tbbridge.viewer.serve import Handle, serve

__all__ = ["Handle", "layout", "make_app", "register", "serve"]
__version__ = version("tbbridge")
