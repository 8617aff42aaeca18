"""A log directory that grows: the follower, its tables, and who is told."""
