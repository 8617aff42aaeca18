"""Tables to files: the formats, and publishing."""
