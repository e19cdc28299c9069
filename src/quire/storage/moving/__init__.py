"""Moving a store to another database: from SQLite to PostgreSQL, and back."""
