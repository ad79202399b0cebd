"""Where a library keeps its tracks: one catalogue on SQLite or PostgreSQL."""
