"""Bluesky documents as values: names, reading, validation, identity, order."""
