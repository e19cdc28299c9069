"""Bytes in and out of a workspace: one file a scheme."""
