"""Open a catalogue's database: a SQLite file or a PostgreSQL server."""

from __future__ import annotations

from retrotone.library.catalogue.base import Database


def is_address(location: str) -> bool:
    """Tell whether a location is the address of a PostgreSQL database rather than the path of a file."""
    return location.startswith(("postgresql://", "postgres://"))


def open_database(location: str, create: bool) -> Database:
    """Open the database at a file's path, at ``:memory:`` or at a PostgreSQL address."""
    if is_address(location):
        from retrotone.library.catalogue.postgres import Postgres

        return Postgres(location, create)
    from retrotone.library.catalogue.sqlite import SQLite

    return SQLite(location, create)
