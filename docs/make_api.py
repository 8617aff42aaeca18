"""Write docs/api.md from the front door's own signatures and docstrings (``make docs``)."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path

import tbbridge

TARGET = Path(__file__).with_name("api.md")

HEAD = """\
# Python API

<!-- Written by docs/make_api.py from the docstrings. Do not edit: `make docs`. -->

Everything that is promised to stay is a name of the package itself, `tbbridge.<name>`; it is typed (`py.typed`).
Examples that run are in the [user guide](guide.md#in-python).
"""


def fields(thing: type) -> Iterator[str]:
    """The fields and properties of a class, as a list."""
    names = dict.fromkeys(getattr(thing, "__annotations__", {}))
    for name in names:
        yield f"- `{name}: {thing.__annotations__[name]}`"


def methods(thing: type) -> Iterator[str]:
    for name, method in vars(thing).items():
        documented = inspect.isfunction(method) and (method.__doc__ or "").strip()
        if not name.startswith("_") and documented:
            yield f"- `.{name}{signature(method, drop=1)}`: {inspect.cleandoc(method.__doc__).splitlines()[0]}"
        elif isinstance(method, property) and method.__doc__:
            yield f"- `.{name}`: {inspect.cleandoc(method.__doc__).splitlines()[0]}"


def annotation(given: object) -> str:
    return given if isinstance(given, str) else getattr(given, "__name__", str(given))


def parameter(given: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(given.kind, "")
    typed = "" if given.annotation is given.empty else f": {annotation(given.annotation)}"
    default = "" if given.default is given.empty else f" = {default_text(given.default)}"
    return f"{stars}{given.name}{typed}{default if typed else default.replace(' ', '')}"


def default_text(value: object) -> str:
    """A default as it is written; an object without a short form is ``...``."""
    return repr(value) if isinstance(value, str | int | float | bool | tuple | None) else "..."


def signature(thing: object, drop: int = 0) -> str:
    """The signature as it is written, the same under every version of Python."""
    taken = inspect.signature(thing)  # type: ignore[arg-type]
    words: list[str] = []
    for given in list(taken.parameters.values())[drop:]:
        if given.kind is given.KEYWORD_ONLY and not any(word.startswith("*") for word in words):
            words.append("*")
        words.append(parameter(given))
    back = "" if taken.return_annotation is taken.empty else f" -> {annotation(taken.return_annotation)}"
    return f"({', '.join(words)}){back}"


def entry(name: str) -> Iterator[str]:
    thing = getattr(tbbridge, name)
    yield f"## {name}\n"
    if inspect.isclass(thing):
        yield from class_entry(name, thing)
    elif callable(thing):
        yield f"```text\ntbbridge.{name}{signature(thing)}\n```\n"
        yield f"{inspect.getdoc(thing)}\n"
    else:
        yield f"`{thing!r}`\n"


def class_entry(name: str, thing: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
    yield f"```text\nclass tbbridge.{name}{f'({bases})' if bases else ''}\n```\n"
    text = inspect.cleandoc(thing.__doc__ or "")
    if not (dataclasses.is_dataclass(thing) and text.startswith(f"{name}(")):
        yield f"{text}\n"
    listed = [*fields(thing), *methods(thing)]
    if listed:
        yield "\n".join(listed) + "\n"


def pages() -> dict[Path, str]:
    """The text of each page that this script writes."""
    parts = [HEAD, *(part for name in tbbridge.__all__ for part in entry(name))]
    return {TARGET: "\n".join(parts)}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
