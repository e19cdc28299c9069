"""`/api/v1/outlets`."""
