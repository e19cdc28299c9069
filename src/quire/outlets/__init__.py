"""Documents out: one file a target."""
