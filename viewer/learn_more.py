"""The text of Learn more."""

from __future__ import annotations

from dash import html

PARTS = (
    (
        "The two charts",
        "Prediction accuracy is the share of examples that the model gets right: higher is better, 1 is perfect. "
        "Cross entropy loss is what the training makes small: it falls as the model gives more of its belief to "
        "the right answer, and it notices being confidently wrong, which accuracy does not. Training is measured "
        "on what the model learns from, validation on examples that it never learns from.",
    ),
    (
        "What to look for",
        "Both curves of a chart should move the same way. When training still improves while validation stands "
        "still or turns back, the model has begun to learn its examples by heart: the gap between the two grows. "
        "The star marks the best value so far, and the table says at which step it was.",
    ),
    (
        "Smoothing",
        "A mini-batch is a small sample, so its values jump. Smoothing draws an exponential moving average, the "
        "same one that TensorBoard draws: at 0 every value as it is, near 1 only the slow trend. The faint line "
        "behind it keeps the values themselves. It is computed from all values, also from those that are not "
        "drawn, so the past does not change as the training goes on.",
    ),
    (
        "How it is drawn",
        "A long run is thinned for the screen so that each minimum and maximum stays; zoom in, and the true "
        "points of that range are fetched. Values that are no numbers are marked with a cross. A thin upright "
        "line is a restart, a damaged place in an event file or a condition that is fulfilled: point at it to "
        "read which. A live chart keeps a little room on its right for the next points.",
    ),
    (
        "Updates",
        "New points arrive as they are written; Updates only says how often they are drawn. No holds the page "
        "still, and anything else catches up.",
    ),
)


def page_words() -> html.Div:
    """The explanation below the charts."""
    parts = [html.Div([html.H3(title), html.P(text)]) for title, text in PARTS]
    return html.Div(parts, className="tb-words")
