"""Data products as values: specification, layout, manifest."""
