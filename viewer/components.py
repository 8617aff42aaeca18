"""Dash components of our own: a browser's own check box, slider, radio buttons and list, with labels; and a plot.

Dash's controls are drawn from other elements, and neither a screen reader nor a browser script finds them by role and
name. These few are React components of a line or two each, in ``assets/components.js``; like any Dash component they
have an ``id`` and a ``value`` for callbacks. ``live.js`` hears of every value, and so does the server.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dash.development.base_component import Component


class Ours(Component):
    """A component of ``assets/components.js``, under the class's own name; `_prop_names` are its properties."""

    _namespace = "tbbridge_viewer"
    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = ["children"]
    _prop_names: ClassVar[list[str]]

    def __init__(self, **properties: Any) -> None:
        self._type = type(self).__name__
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        super().__init__(**properties)


class Control(Ours):
    """A labelled control: ``id`` for callbacks, ``label`` for people, ``value``, and what its kind needs besides."""

    _prop_names: ClassVar[list[str]] = ["id", "label", "value", "className"]

    def __init__(self, id: str, label: str, value: Any = None, **extra: Any) -> None:
        super().__init__(id=id, label=label, value=value, **extra)


class Checkbox(Control):
    """A check box; the value is a bool."""


class Slider(Control):
    """A slider from ``min`` to ``max`` (default 0 to 1) by ``step``, live while dragging; the value is a number."""

    _prop_names: ClassVar[list[str]] = [*Control._prop_names, "min", "max", "step"]


class Text(Control):
    """A short text, such as a number that may be left empty."""

    _prop_names: ClassVar[list[str]] = [*Control._prop_names, "placeholder"]


class Hidden(Control):
    """A value that no control shows, but the address remembers."""


class RunTable(Ours):
    """The table of experiments: a window of its rows, and how many there are; sorted by a click on a column's name.

    ``data`` holds ``columns``, ``rows``, ``first`` (the place of the first of them), ``total``, ``best`` (a name per
    column) and ``wrong`` (what is wrong with the filter). A row is texts: name, colour (empty where the experiment is
    not drawn), state, and one for each further column.
    """

    _prop_names: ClassVar[list[str]] = ["id", "data"]


class Radios(Control):
    """One of ``options``, all in view; the value is the chosen one's text."""

    _prop_names: ClassVar[list[str]] = [*Control._prop_names, "options"]


class Select(Control):
    """One of ``options``, in a list that opens; the value is the chosen one's text."""

    _prop_names: ClassVar[list[str]] = [*Control._prop_names, "options"]


class Picker(Control):
    """Any number of ``options`` (ten thousand are fine), found by typing; the value is the list of the chosen ones.

    ``colours`` are those of the chosen, in order. With a ``total``, a callback answers ``search``, the words that were
    typed, with the ``options`` that fit and how many do in ``total``.
    """

    _prop_names: ClassVar[list[str]] = [*Control._prop_names, "options", "colours", "placeholder", "search", "total"]


class Plot(Ours):
    """The place of a chart: ``assets/live.js`` draws into it, and nothing else does.

    ``dcc.Graph`` would draw again what it was given first, and forget a zoom.
    """

    _prop_names: ClassVar[list[str]] = ["id", "config"]


def attribute(name: str, value: str) -> dict[str, Any]:
    """One ``data-`` or ``aria-`` attribute, for the ``**`` of any Dash component."""
    return {name: value}
