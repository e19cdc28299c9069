"""FITS, in raw blocks."""
