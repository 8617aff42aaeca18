"""What the environment chooses: the one place that reads it for the rooms that may not."""

from __future__ import annotations

import os

DECODER = os.environ.get("TBBRIDGE_DECODER", "")
"""``compiled`` or ``plain`` forces that decoder; empty takes the compiled one where it was built."""

CRC = os.environ.get("TBBRIDGE_CRC", "")
"""``portable`` forces the table checksum of the compiled decoder; empty takes the processor's instruction where it has one."""
