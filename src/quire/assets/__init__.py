"""External data: one file a format, read where the instruments wrote it."""
