"""Jobs and products as JSON."""
