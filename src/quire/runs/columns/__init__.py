"""A stream as columns: gathered from pages, typed by its values, shaped for readers."""
