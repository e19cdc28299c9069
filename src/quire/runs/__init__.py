"""Runs as values: the record and the fold of documents into it."""
