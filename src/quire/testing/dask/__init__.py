"""A real scheduler of Dask with its workers, for tests."""
