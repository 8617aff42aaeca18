"""Wait until a training fulfils a condition.

noticed = wait("logs/", until="val accuracy > 0.9", timeout=3600)
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Sequence

from tbbridge.core.errors import UsageError
from tbbridge.following.bridge import FIRST_READING, POLL_INTERVAL, Bridge
from tbbridge.following.conditions import Noticed
from tbbridge.reading.selection import chosen, some
from tbbridge.shape.condition import Condition, timeout_seconds
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.shape.mapping.tokens import quoted


def wait(
    logdir: str | os.PathLike[str],
    until: str | Condition | Sequence[str | Condition],
    *,
    timeout: float | str | None = None,
    experiments: str | Collection[str] = (),
    everyone: bool = False,
    options: MappingOptions | None = None,
    poll_interval: float = POLL_INTERVAL,
    follow_links: bool = False,
    say: Callable[[str], object] | None = None,
) -> Noticed | None:
    """Wait until an experiment fulfils a condition; return which and when, or None after `timeout` seconds.

    Conditions fulfilled at the start count. Of several fulfilled at once, the first is returned.

    Args:
        logdir: the log directory; it may appear later.
        until: the condition, or several, one of which is enough.
        timeout: seconds, or a text such as ``8h``; None to wait for ever.
        experiments: names or globs of those that count, or one of them; all when empty.
        everyone: wait until all of these, also those that are still to come, fulfil the same condition;
            return the one that did so last.
        options, poll_interval, follow_links: as for `tbbridge.Bridge`.
        say: called with each message once: the awaited condition, and after a timeout the names that there were.

    Raises:
        ConditionError: a condition is not written as it should be.
        UsageError: there is no condition, or `timeout` is no duration.
        PathError: `logdir` is neither a directory nor an event file.
    """
    conditions = [
        one if isinstance(one, Condition) else Condition(one)
        for one in ([until] if isinstance(until, str | Condition) else until)
    ]
    if not conditions:
        raise UsageError('until: give a condition, such as "val accuracy > 0.9"')
    say = say or (lambda line: None)
    seconds = timeout_seconds(timeout)
    deadline = None if seconds is None else time.monotonic() + seconds
    experiments = [experiments] if isinstance(experiments, str) else experiments
    said: set[str] = set()
    news = threading.Event()
    with Bridge(
        logdir,
        publish=False,
        options=options,
        poll_interval=poll_interval,
        follow_links=follow_links,
        conditions=conditions,
    ) as bridge:
        bridge.subscribe(news.set)
        bridge.wait_until_read(None if deadline is None else max(FIRST_READING, deadline - time.monotonic()))
        while True:
            news.clear()
            if found := _found(bridge, experiments, everyone):
                return found
            lines = {**{line: line for line in bridge.status()}, **_absent(bridge.names(), experiments)}
            for said_of, line in lines.items():
                if said_of not in said:
                    said.add(said_of)
                    say(line)
            if not news.wait(_left(deadline)):
                say(_what_there_was(bridge))
                return None


def _absent(names: Sequence[str], experiments: Collection[str]) -> dict[str, str]:
    """Return by name or glob that no experiment has yet a message."""
    return {
        one: f"there is no experiment {quoted(one)} yet; there is {some(names)}"
        for one in experiments
        if names and not chosen(names, [one])
    }


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)


def _found(bridge: Bridge, experiments: Collection[str], everyone: bool) -> Noticed | None:
    names = bridge.names()
    if everyone and _absent(names, experiments):
        return None
    counts = chosen(names, experiments) if experiments else set(names)
    noticed = [one for one in bridge.noticed() if one.experiment in counts]
    if not everyone:
        return next(iter(noticed), None)
    for place in sorted({one.place for one in noticed}):
        having = [one for one in noticed if one.place == place]
        if len(having) == len(counts):
            return max(having, key=lambda one: one.noticed)
    return None


def _what_there_was(bridge: Bridge) -> str:
    """Return a message: the experiments that there are, and their columns."""
    names = bridge.names()
    views = [view for name in names[:5] if (view := bridge.view(name))]
    columns = dict.fromkeys(name for view in views for name, points in view.columns.items() if len(points.step))
    logged = f", with {', '.join(columns)}" if columns else ""
    return f"no condition was fulfilled in time; there is {some(names)}{logged}"
