"""Write docs/api.md from the front door's own signatures and docstrings (``make docs``)."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import tbbridge

TARGET = Path(__file__).with_name("api.md")

HEAD = """\
# Python API

<!-- Written by docs/make_api.py from the docstrings. Do not edit: `make docs`. -->

Everything that is promised to stay is a name of the package itself, `tbbridge.<name>`; it is typed (`py.typed`).
Examples that run are in the [user guide](guide.md#in-python).
"""


def field_texts(thing: type) -> dict[str, str]:
    """What stands as a string below each annotated field."""
    (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(thing))).body
    texts: dict[str, str] = {}
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for field, below in pairwise(statements):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            texts[ast.unparse(field.target)] = " ".join(str(below.value.value).split())
    return texts


def fields(thing: type) -> Iterator[str]:
    """The annotated fields of a class, as a list."""
    texts = field_texts(thing)
    for name, kind in vars(thing).get("__annotations__", {}).items():
        if not name.startswith("_"):
            written = getattr(kind, "__forward_arg__", kind)  # of a named tuple's field
            yield f"- `{name}: {written}`" + (f": {texts[name]}" if name in texts else "")


def methods(thing: type) -> Iterator[str]:
    """The public methods and properties of a class, as a list."""
    for name, method in vars(thing).items():
        if name.startswith("_") or not method.__doc__:
            continue
        text = inspect.cleandoc(method.__doc__).splitlines()[0]
        if inspect.isfunction(method):
            yield f"- `.{name}{signature(method, drop=1)}`: {text}"
        elif isinstance(method, property):
            yield f"- `.{name}`: {text}"


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


def documentation(text: str) -> Iterator[str]:
    """A docstring: what comes before the first indented part as text, the rest as it is written."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(" ")), len(lines) + 1) - 1
    head = "\n".join(lines[:first]).strip()
    tail = "\n".join(lines[first:]).strip()
    yield from (part + "\n" for part in (head, f"```text\n{tail}\n```" if tail else "") if part)


def entry(name: str) -> Iterator[str]:
    thing = getattr(tbbridge, name)
    yield f"## {name}\n"
    if inspect.isclass(thing):
        yield from class_entry(name, thing)
    elif callable(thing):
        yield f"```text\ntbbridge.{name}{signature(thing)}\n```\n"
        yield from documentation(inspect.getdoc(thing) or "")
    else:
        yield f"`{thing!r}`\n"


def class_entry(name: str, thing: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
    yield f"```text\nclass tbbridge.{name}{f'({bases})' if bases else ''}\n```\n"
    text = inspect.cleandoc(thing.__doc__ or "")
    if not (dataclasses.is_dataclass(thing) and text.startswith(f"{name}(")):
        yield from documentation(text)
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
