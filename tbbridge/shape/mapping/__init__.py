"""Which tag is which column: words, splits, ranks, overrides."""
