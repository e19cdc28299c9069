"""Product formats, one module each."""
