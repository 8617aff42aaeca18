"""The words of a tag: rules R3 (which metric) and R4 (which split), and the key that R7 compares."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.tokens import Word, tokenise

NO_METRIC: Final = ""
OTHER: Final = "other"
_FURTHER_DIGIT: Final = re.compile(r"(?<=[1-9])[0-9]")
"""Of a number that does not begin with 0, the digits after the first, up to one that follows a 0."""


class TagReading(NamedTuple):
    """One tag (with its add_scalars suffix), read."""

    metric: str
    """``accuracy``, ``loss``, a quality's name, ``other``, or empty where no word of the tag is a metric's."""
    word: str
    """The metric word that decided."""
    refused: str
    """Why it can feed no column although it is an accuracy, a loss or a quality; empty when it can."""
    split: str | None
    """``train``, ``val``, ``test``, or None."""
    split_word: str
    unexplained: int
    """The number of words that are not understood; those of terms of a loss count double."""
    contradictions: int
    whole: bool
    """A loss that says it is the total one, or names no kind of loss; a mAP over all thresholds (``mAP50-95``)."""
    granularity: int
    """0 epoch, 1 not said, 2 step."""
    length: int
    """Words in the tag."""
    stem: tuple[str, ...]
    """The words without those of splits, which the two sides of one metric share."""


def skim_tag(tag: str, suffix: str = "") -> TagReading:
    """Return `read_tag` of the tag, but for its `stem`; quick for many tags that differ in their numbers.

    No rule tells numbers of two and more digits apart, so that one of them is read for all of its length.
    """
    return read_tag(_FURTHER_DIGIT.sub("0", tag), suffix)


@lru_cache(maxsize=1 << 16)
def read_tag(tag: str, suffix: str = "") -> TagReading:
    """Read `tag`; `suffix` is what add_scalars appended to the run's name, and beats the words of the tag."""
    found = tokenise(tag)
    last = found[-1].segment + 1 if found else 0
    added = tuple(Word(word.text, word.segment + last) for word in tokenise(suffix))
    split, split_word = _split(added) if any(word.text in words.SPLITS for word in added) else _split(found)
    both = found + added
    position = max((place for place, word in enumerate(both) if _kind(word.text)), default=-1)
    metric = _kind(both[position].text) if position >= 0 else _unnamed({word.text for word in both})
    return TagReading(
        metric=metric,
        word=both[position].text if metric else "",
        refused=_refusal(both, position, metric),
        split=split,
        split_word=split_word,
        unexplained=sum(_cost(word.text, metric) for word in both),
        contradictions=sum(words.SPLITS.get(word.text, split) != split for word in added or found),
        whole=_is_whole(metric, {word.text for word in both}),
        granularity=_granularity(both),
        length=len(both),
        stem=tuple(word.text for word in both if word.text not in words.SPLITS),
    )


def _split(found: tuple[Word, ...]) -> tuple[str | None, str]:
    for word in reversed(found):
        if word.text in words.SPLITS:
            return words.SPLITS[word.text], word.text
    return None, ""


def _is_whole(metric: str, texts: set[str]) -> bool:
    if metric == "mAP":
        return sum(text.isdecimal() and text != "0" for text in texts) != 1
    return metric == "loss" and (bool(texts & words.TOTAL) or not texts & words.LOSS_KINDS)


def _kind(word: str) -> str:
    if word in words.ACCURACY or word == "top k":
        return "accuracy"
    if word in words.LOSS:
        return "loss"
    return words.QUALITIES.get(word) or (OTHER if word in words.OTHER else NO_METRIC)


def _unnamed(texts: set[str]) -> str:
    """The metric of a tag without a metric's word: a score, where it says so or is an evaluation's, and no more."""
    rest = texts - words.SPLITS.keys()
    if words.SCORE in rest:
        return words.SCORE if rest <= words.NEUTRAL else NO_METRIC
    return words.SCORE if rest and rest <= words.UNNAMED and texts & (words.VAL | words.TEST) else NO_METRIC


def _refusal(found: tuple[Word, ...], position: int, metric: str) -> str:
    if metric in (NO_METRIC, OTHER):
        return ""
    for word in found:
        if word.text in words.VETO:
            return f"R3: {word.text!r} is a record or a statistic, not the metric's course"
        if metric == "accuracy" and word.text in words.ERRORS:
            return "R3: an error rate is not an accuracy, and is not inverted"
        if metric == "accuracy" and word.text == "top k":
            return "R3: top-k with k other than 1"
        if metric == "accuracy" and word.text in words.ADVERSARIES:
            return f"R3: the accuracy of {word.text!r} is not the model's"
        if metric in ("error", "hit rate") and word.text in words.INTERNAL:
            return f"R3: the {metric} of {word.text!r} is not the model's"
        if metric in words.LOSS_TERMS and word.text in words.LOSS:
            return f"R3: {found[position].text!r} is one term of a loss"
    return _component(found, position) if metric == "loss" else ""


def _component(found: tuple[Word, ...], position: int) -> str:
    """Why a loss is only one term of a sum; counted from the first path segment with a loss's word on."""
    first = min(word.segment for word in found if word.text in words.LOSS)
    terms = [word.text for word in found if word.segment >= first and word.text in words.COMPONENT]
    terms += [word.text for word in found[max(0, position - 1) : position] if word.text in words.BEFORE_LOSS]
    return f"R3: {terms[0]!r} is one term of a loss" if terms else ""


def _cost(word: str, metric: str) -> int:
    if _kind(word) == metric or word in words.SPLITS or word in words.NEUTRAL or word.isdigit():
        return 0
    if word in words.EPOCH or word in words.STEP:
        return 0
    return 2 if metric in ("accuracy", "loss") and word in words.COMPONENT and len(word) > 1 else 1


def _granularity(found: tuple[Word, ...]) -> int:
    texts = {word.text for word in found}
    if texts & words.STEP:
        return 2
    return 0 if texts & words.EPOCH else 1
