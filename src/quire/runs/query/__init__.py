"""The query language: text or JSON to a checked tree; what a tree means."""
