"""Progress as JSON and server-sent events."""
