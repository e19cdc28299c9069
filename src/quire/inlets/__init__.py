"""Documents in beside HTTP: one file a bus."""
