"""Backups: a consistent copy of the records, and of the files that they name."""
