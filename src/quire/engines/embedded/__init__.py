"""Attempts in warm child processes of the server."""
