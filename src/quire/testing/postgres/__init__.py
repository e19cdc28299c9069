"""A real PostgreSQL for tests, campaigns and benchmarks."""
