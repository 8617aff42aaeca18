"""Many small event files at once: read, decoded and merged by a few operations for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tbbridge.decode.small_files import SmallFiles, decode_small
from tbbridge.shape.facts import SeriesFacts
from tbbridge.shape.many_series import ManySeries
from tbbridge.tail.batch import Batch, small_batches
from tbbridge.tail.logdir import EventPath


class SmallBatch(NamedTuple):
    """Small files that were read together; those that are not plain are to be read one by one."""

    batch: Batch
    decoded: SmallFiles
    series: ManySeries
    plain: list[int]
    """The plain files' numbers in the batch; ``batch.files`` are their places among those that were asked for."""
    calm: list[bool]
    """By file: see `ManySeries`."""
    facts: list[dict[str, SeriesFacts]]
    """By file, where it is calm."""


def read_together(places: Sequence[EventPath]) -> Iterator[SmallBatch]:
    """Read small files of the local file system in batches; a batch's bytes hold until the next is asked for."""
    for batch in small_batches([place.path for place in places]):
        try:
            decoded = decode_small(batch.data, batch.bounds)
            series = ManySeries(decoded.scalars, decoded.rows, decoded.layout, decoded.layouts)
            plain, calm, facts = np.flatnonzero(decoded.plain).tolist(), series.calm.tolist(), series.facts()
        except Exception:  # a bug: read one by one, a file costs only itself
            import logging

            logging.getLogger(__name__).exception(
                "reading %d small files together failed: they are read one by one", len(batch.files)
            )
            continue
        yield SmallBatch(batch, decoded, series, plain, calm, facts)
