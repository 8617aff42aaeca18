"""A log directory, read once: discover, open, read, map, check."""
