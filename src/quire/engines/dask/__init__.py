"""Attempts on workers of a Dask scheduler that the facility has."""
