"""Columns to tables: merging, mapping and joining; pure functions."""
