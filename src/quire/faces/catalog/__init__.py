"""Runs out, over HTTP."""
