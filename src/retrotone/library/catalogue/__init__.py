"""The catalogue of a library, in a SQLite file or on a PostgreSQL server."""
