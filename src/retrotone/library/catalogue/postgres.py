"""PostgreSQL with pgvector: the catalogue on a server, with many writers and many readers.

Its schema is ``retrotone``, so that the database may hold other data. Vectors are stored in single precision; an HNSW
index (Malkov and Yashunin 2016) of their half-precision values finds candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError, MissingExtraError
from retrotone.library.catalogue.base import BLOCK, ConnectionLost, MissingLibrary, Nearest, Row, Rows, Vector, retried
from retrotone.progress import Progress

if TYPE_CHECKING:
    import psycopg

# "RTNE": the advisory lock that is held while the schema changes.
LOCK = 0x52544E45
# By libpq's names, in seconds, the last in milliseconds; an address may overrule them. So a network that drops all
# packets is noticed within a minute rather than hours.
CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# The first version that continues a search until it has found as many vectors as were asked for.
LEAST_PGVECTOR = (0, 8)
TABLES = ("tracks", "descriptions")
SETTINGS = {
    "hnsw.ef_search": "256",
    "hnsw.iterative_scan": "relaxed_order",
    # a large result is read to its end: no plan that gives its first rows early
    "cursor_tuple_fraction": "1",
}

# Each entry leads from one version of the schema to the next. Released entries never change.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE tracks (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path bytea NOT NULL UNIQUE, size bigint NOT NULL,
            mtime_ns bigint NOT NULL, fingerprint bytea NOT NULL, present boolean NOT NULL, reason text,
            duration double precision, title text, artist text, album text, genre text, year text,
            given_genre text)""",
        "CREATE INDEX tracks_by_fingerprint ON tracks (fingerprint, present, id)",
        """CREATE TABLE analyses (
            track bigint PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
            version integer NOT NULL, data bytea NOT NULL)""",
        """CREATE TABLE descriptions (
            track bigint PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
            recipe text NOT NULL, vector vector NOT NULL, genre text NOT NULL, confidence double precision NOT NULL,
            sure boolean NOT NULL, genres text NOT NULL, tags text NOT NULL, eras text NOT NULL,
            tempo double precision, key text, loudness double precision)""",
        "CREATE INDEX descriptions_by_recipe ON descriptions (recipe)",
        # For vectors of one length: those of a later recipe may be longer and need another index.
        """CREATE INDEX descriptions_by_vector ON descriptions
            USING hnsw ((vector::halfvec(128)) halfvec_ip_ops) WHERE vector_dims(vector) = 128""",
    ),
    (
        "ALTER TABLE tracks ADD COLUMN damage text",
        "ALTER TABLE tracks ADD COLUMN start_seconds double precision",
        "ALTER TABLE tracks ADD COLUMN end_seconds double precision",
        # Files that could not be read before may be readable now: with this size the next scan tries them again.
        "UPDATE tracks SET size = -1 WHERE reason IS NOT NULL",
    ),
)

# By the beginning of SQLSTATE.
REMEDIES = {
    "08": "the server went away: try again",
    "25006": "it is a copy that may only be read: name the server that it copies",
    "28": "check the user and the password",
    "40": "another program wrote the same at the same time: try again",
    "0A000": "install pgvector on its server (Debian: postgresql-18-pgvector)",
    "42501": "have its administrator do that once, or grant it",
    "53100": "free some space on its disk",
    "53300": "it has too many connections: close some, or raise max_connections",
    "54000": "the path of a file is too long for its index: exclude that file",
    "57": "the server is shutting down, or was told to stop: try again",
}
UNREACHED = "check the address, the server and the password, which PGPASSWORD or ~/.pgpass may hold"


class Postgres:
    """A library on a server; see `base.Database`.

    Parameters
    ----------
    address : str
        ``postgresql://USER@HOST/DATABASE``, as libpq takes it.
    create : bool
        Create the library if the database holds none.

    Raises
    ------
    MissingExtraError
        The extra ``cluster`` is not installed.
    LibraryError
        No server, no such database, wrong password, no pgvector, no permission, no library, or one of a newer
        retrotone. By all methods: the server went away.
    """

    # by the rules of some languages the small letter of I has no dot
    may_hold = """(lower({0} COLLATE "C") LIKE ? OR octet_length({0}) > length({0}))"""

    def __init__(self, address: str, create: bool = False) -> None:
        try:
            import pgvector.psycopg
            import psycopg
        except ImportError as error:
            raise MissingExtraError(
                "a library on PostgreSQL needs the cluster extra: pip install 'retrotone[cluster]'"
            ) from error
        self._errors = psycopg.Error
        self._register = pgvector.psycopg.register_vector
        self._parameters = _parameters(address)
        # how many transactions are open, one in another
        self._transactions = 0
        self.name = _name(self._parameters)
        self._connection = self._connect()
        if not create and not self._version():
            self.close()
            raise MissingLibrary(f"{self.name} holds no library: retrotone library scan FOLDER makes one")
        self._migrate()
        self._configure()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def revision(self) -> str:
        """Changes whenever any process changes the catalogue: the transactions that have ended."""
        return str(self.query("SELECT pg_current_snapshot()::text")[0][0])

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a statement; outside of a transaction it is asked again if the connection breaks."""
        ask = self._query if self._transactions else retried(self._query)
        return ask(sql, values)

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        with self._translated_errors():
            cursor = self._open_connection().execute(_placeholders(sql), values, binary=True)
            return cursor.fetchall() if cursor.description is not None else []

    def blocks(self, sql: str, values: Sequence[object] = ()) -> Iterator[list[Row]]:
        """Yield the rows of a large result, at most `BLOCK` at once."""
        with self.transaction(), self._connection.cursor("blocks", binary=True) as cursor:
            cursor.execute(_placeholders(sql), values)
            while rows := cursor.fetchmany(BLOCK):
                yield rows

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each row of values, within a transaction."""
        with self._translated_errors():
            self._connection.cursor().executemany(_placeholders(sql), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes made within it, or none."""
        with self._translated_errors(), self._open_connection().transaction():
            self._transactions += 1
            try:
                yield
            finally:
                self._transactions -= 1

    def pack(self, vector: Vector) -> Vector:
        """Return a vector as the value of a statement's parameter."""
        return vector

    def unpack(self, values: Sequence[Any]) -> Rows:
        """Return the vectors, shape (n, d), of the values of n >= 1 rows; ValueError if one is damaged."""
        return np.stack([value.to_numpy() for value in values])

    def nearest(self, progress: Progress) -> Nearest:
        """Return a function that finds neighbours, with the server's index."""
        return self._nearest

    def faults(self) -> list[str]:
        """Return no faults: the server reports damaged rows when they are read."""
        return []

    def _nearest(self, query: Vector, count: int) -> NDArray[np.int64]:
        size = len(query)
        rows = self.query(
            f"SELECT track FROM descriptions WHERE vector_dims(vector) = {size} "
            f"ORDER BY (vector::halfvec({size})) <#> ?::halfvec({size}) LIMIT {count}",
            (query,),
        )
        return np.array([number for (number,) in rows], np.int64)

    def _connect(self) -> psycopg.Connection[Row]:
        import psycopg

        with self._translated_errors():
            return psycopg.connect(**self._parameters, autocommit=True)

    def _open_connection(self) -> psycopg.Connection[Row]:
        """Return the connection, opened again if it was lost."""
        if self._connection.closed:
            self._connection = self._connect()
            self._configure()
        return self._connection

    def _configure(self) -> None:
        """Set a connection's schemas, the types of pgvector, and how to search."""
        [(version, schema)] = self._query(
            "SELECT extversion, quote_ident(nspname) FROM pg_extension "
            "JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'"
        )
        if tuple(int(part) for part in version.split(".")[:2]) < LEAST_PGVECTOR:
            least = ".".join(map(str, LEAST_PGVECTOR))
            raise LibraryError(f"{self.name} has pgvector {version}: update it to {least} or newer")
        self._query(f"SET search_path TO retrotone, {schema}")
        with self._translated_errors():
            self._register(self._connection)
        for name, value in SETTINGS.items():
            self._query(f"SET {name} = {value}")

    def _version(self) -> int:
        """Return the schema's version; 0 where there is none."""
        [(there,)] = self.query("SELECT to_regclass('retrotone.library') IS NOT NULL")
        return int(self.query("SELECT version FROM retrotone.library")[0][0]) if there else 0

    def _migrate(self) -> None:
        """Bring the schema up to date."""
        if self._version() > len(MIGRATIONS):
            raise LibraryError(f"{self.name} was written by a newer retrotone: update retrotone")
        # Without need nothing is written, as this user may only be allowed to read.
        if self._version() == len(MIGRATIONS):
            return
        with self.transaction():
            self.query("SELECT pg_advisory_xact_lock(?)", (LOCK,))
            if not self.query("SELECT 1 FROM pg_extension WHERE extname = 'vector'"):
                self.query("CREATE EXTENSION vector")
            if not self._version():
                self.query("CREATE SCHEMA IF NOT EXISTS retrotone")
                self.query("CREATE TABLE retrotone.library (version integer NOT NULL)")
                self.query("INSERT INTO retrotone.library VALUES (0)")
            self._configure()
            for step in range(self._version(), len(MIGRATIONS)):
                for statement in MIGRATIONS[step]:
                    self.query(statement)
                self.query("UPDATE library SET version = ?", (step + 1,))

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn errors of the server or its client into a LibraryError of one line."""
        try:
            yield
        except self._errors as error:
            state = error.sqlstate or ""
            remedies = [text for name, text in REMEDIES.items() if state.startswith(name)]
            lost = hasattr(self, "_connection") and self._connection.closed
            unknown = "check the database" if state else REMEDIES["08"] if lost else UNREACHED
            remedy = remedies[0] if remedies else unknown
            message = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            if password := self._parameters.get("password"):
                message = message.replace(password, "***")
            kind = ConnectionLost if lost else LibraryError
            raise kind(f"the library {self.name} failed ({message}): {remedy}") from error


def contents_state(address: str) -> Row:
    """Return what differs after a change of the tracks of a library on a server, and of nothing else of that server.

    A row that is written holds the number of its transaction. It takes 0.15 s for 200,000 tracks.
    """
    database = Postgres(address)
    try:
        counts = (f"(SELECT count(*) FROM {table}), (SELECT sum(xmin::text::bigint) FROM {table})" for table in TABLES)
        return database.query(f"SELECT {', '.join(counts)}")[0]
    finally:
        database.close()


def _parameters(address: str) -> dict[str, Any]:
    """Return an address as parameters of libpq."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parameters = {**CONNECTION, **conninfo_to_dict(address)}
    # Its message may contain the password.
    except psycopg.Error:
        parameters = {}
    # A password with characters that should have been escaped ends up in the wrong parts.
    split = any("@" in str(parameters.get(name, "")) for name in ("host", "dbname"))
    if not parameters or split or not str(parameters.get("port", "0")).isdigit():
        raise LibraryError(
            "that is no address of a PostgreSQL database: use postgresql://USER@HOST/DATABASE, "
            "with special characters in a password as %40 and the like"
        )
    return parameters


def _name(parameters: dict[str, Any]) -> str:
    """Return an address without its password."""
    user, host, port, database = (parameters.get(name) for name in ("user", "host", "port", "dbname"))
    server = f"{host or ''}{f':{port}' if port else ''}"
    return f"postgresql://{f'{user}@' if user else ''}{server}/{database or ''}"


def _placeholders(sql: str) -> Any:
    return sql.replace("?", "%s")
