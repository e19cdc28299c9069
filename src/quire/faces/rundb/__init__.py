"""Belle II's run database, as its client expects it."""
