"""Made-up runs, and many of them in a store."""
