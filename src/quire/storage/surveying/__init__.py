"""Stores as `quire audit` and `quire rebuild` look at them, beneath their ports."""
