"""Anything may happen to the files, in any order: what is published is what a fresh export gives."""

from __future__ import annotations

import os

import pytest
from bridge_model import BridgeModel
from hypothesis import HealthCheck, settings

SEQUENCES = int(os.environ.get("TBBRIDGE_SEQUENCES", "100"))
"""In the suite; `make campaign` asks for 5,000."""


@pytest.mark.timeout(3600 if SEQUENCES > 200 else 120)
class TestBridgeModel(BridgeModel.TestCase):
    """After every look, published bytes == exported bytes; see bridge_model.py."""

    settings = settings(
        max_examples=SEQUENCES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
