"""Map tags to columns: words, splits, ranks, overrides."""
