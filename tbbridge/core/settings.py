"""What the environment chooses: the one place that reads it for the rooms that may not."""

from __future__ import annotations

import os

DECODER = os.environ.get("TBBRIDGE_DECODER", "")
"""``compiled`` or ``plain`` forces that decoder; empty takes the compiled one where it was built."""

CRC = os.environ.get("TBBRIDGE_CRC", "")
"""``portable`` forces the compiled decoder's table checksum; empty takes the processor's instruction if it has one."""
