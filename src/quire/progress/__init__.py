"""The numbered progress log of an operation, as values."""
