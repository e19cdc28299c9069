"""The records of interactive sessions, as values."""
