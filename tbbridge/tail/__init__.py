"""Disk to bytes: which event files exist, their new bytes, and when to look."""
