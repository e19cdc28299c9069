"""Everything in memory, for trials and tests."""
