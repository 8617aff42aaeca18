"""Disk to bytes: which event files exist, what is new in each, and when to look."""
