"""Labs as JSON."""
