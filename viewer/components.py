"""Dash components of our own: a browser's own check box, slider, radio buttons and list, with labels; and a plot.

Dash's controls are drawn from other elements, and neither a screen reader nor a browser script finds them by role and
name. These few are React components of a line or two each, in ``assets/components.js``; like any Dash component they
have an ``id`` and a ``value`` for callbacks. ``live.js`` hears of every value, and so does the server.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dash.development.base_component import Component


class Control(Component):
    """A labelled control: ``id`` for callbacks, ``label`` for people, ``value``, and what its kind needs besides."""

    _namespace = "tbbridge_viewer"
    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = ["children"]
    _type = ""
    _extra: ClassVar[tuple[str, ...]] = ()

    def __init__(self, id: str, label: str, value: Any = None, **extra: Any) -> None:
        self._prop_names = ["id", "label", "value", "className", *self._extra]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        super().__init__(id=id, label=label, value=value, **extra)


class Checkbox(Control):
    """A check box; the value is a bool."""

    _type = "Checkbox"


class Slider(Control):
    """A slider from ``min`` to ``max`` (default 0 to 1) by ``step``, live while dragging; the value is a number."""

    _type = "Slider"
    _extra = ("min", "max", "step")


class Text(Control):
    """A short text, such as a number that may be left empty."""

    _type = "Text"
    _extra = ("placeholder",)


class Hidden(Control):
    """A value that no control shows, but the address remembers."""

    _type = "Hidden"


class RunTable(Component):
    """The table of experiments: a window of its rows, and how many there are; sorted by a click on a column's name.

    ``data`` holds ``columns``, ``rows``, ``first`` (the place of the first of them), ``total``, ``best`` (a name per
    column) and ``wrong`` (what is wrong with the filter). A row is texts: name, colour (empty where the experiment is
    not drawn), state, and one for each further column.
    """

    _namespace = "tbbridge_viewer"
    _type = "RunTable"
    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = ["children"]

    def __init__(self, id: str) -> None:
        self._prop_names = ["id", "data"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        super().__init__(id=id, data=None)


class Radios(Control):
    """One of ``options``, all in view; the value is the chosen one's text."""

    _type = "Radios"
    _extra = ("options",)


class Select(Control):
    """One of ``options``, in a list that opens; the value is the chosen one's text."""

    _type = "Select"
    _extra = ("options",)


class Picker(Control):
    """Any number of ``options`` (ten thousand are fine), found by typing; the value is the list of the chosen ones.

    ``colours`` are those of the chosen, in order. With a ``total``, a callback answers ``search``, the words that were
    typed, with the ``options`` that fit and how many do in ``total``.
    """

    _type = "Picker"
    _extra = ("options", "colours", "placeholder", "search", "total")


class Plot(Component):
    """The place of a chart: ``assets/live.js`` draws into it, and nothing else does.

    ``dcc.Graph`` would draw again what it was given first, and forget a zoom.
    """

    _namespace = "tbbridge_viewer"
    _type = "Plot"
    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = ["children"]

    def __init__(self, id: str, config: dict[str, Any]) -> None:
        self._prop_names = ["id", "config"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        super().__init__(id=id, config=config)


def attribute(name: str, value: str) -> dict[str, Any]:
    """One ``data-`` or ``aria-`` attribute, for the ``**`` of any Dash component."""
    return {name: value}
