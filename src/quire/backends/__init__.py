"""Where labs run: one file a place."""
