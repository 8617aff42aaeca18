"""``python -m tbbridge``."""

from __future__ import annotations

import sys

from tbbridge.cli import main

if __name__ == "__main__":
    sys.exit(main())
