"""`/api/v1/inlets`."""
