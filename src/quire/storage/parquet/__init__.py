"""Column views of closed runs, each in a Parquet file."""
