"""Libraries that only some formats need, and that an install may lack."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tbbridge.core.errors import UsageError


def load_optional(module: str, package: str, what: str) -> Any:
    """Import a module.

    Raises:
        UsageError: it is not installed; the text says what to install for `what`.
    """
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(f"{what} needs {package}, which is not installed: pip install {package}") from None
