"""A reading, laid out and written to files; and back again (import)."""
