"""Bytes to columns: pure functions of bytes."""

IMPLEMENTATION = "plain"
