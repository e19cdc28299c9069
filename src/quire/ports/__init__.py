"""Seams: one file each, a Protocol of five methods at most."""
