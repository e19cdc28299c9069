"""The store in PostgreSQL: many server processes on one database."""
