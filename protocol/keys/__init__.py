"""Secret bits shared with the other party: the pool that never gives a bit out twice, its balance, delivery of finished keys."""
