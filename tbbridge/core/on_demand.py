"""A mapping whose values are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class OnDemand(Mapping[Key, Value]):
    """A mapping of known keys, each with a value that `make` returns when it is asked for the first time.

    Args:
        keys: the keys, in the mapping's order.
        make: makes a key's value; called once for each, by whichever thread asks first.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, keys: Iterable[Key], make: Callable[[Key], Value]) -> None:
        self._made: dict[Key, Value | None] = dict.fromkeys(keys)
        self._make = make

    def __getitem__(self, key: Key) -> Value:
        value = self._made[key]
        if value is None:
            value = self._made[key] = self._make(key)
        return value

    def __iter__(self) -> Iterator[Key]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __contains__(self, key: object) -> bool:
        return key in self._made

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[dict[Key, Value]], tuple[dict[Key, Value]]]:
        return dict, (dict(self),)
