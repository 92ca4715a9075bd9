"""Opening a database by URL, and turning its errors into ours. SQLite files and PostgreSQL (psycopg 3).

Two kinds of transaction: `reading` and `writing`. On SQLite a writer takes its lock at once, because a reader that
turns writer half-way can't wait for another writer and fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from llava_ocr.errors import ConfigError, DatabaseError, DatabaseUnavailable

BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 10
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    # 64 MiB of pages in memory, and 32 MiB of log before it goes into the file: bulk saves gain a fifth.
    "cache_size = -65536",
    "wal_autocheckpoint = 8000",
)
WRITES = "llava_ocr_writes"
# By what libpq says, where a connection does not come about; there is no SQLSTATE then.
_NO_CONNECTION = {
    "password authentication failed": "the server refuses the user or the password",
    "no password supplied": "the server wants a password, and the URL has none",
    "role": "the server knows no such user",
    "database": "the server has no such database",
    "Connection refused": "nothing listens there; is the server running, and the port right?",
    "resolve host": "there is no host of that name",
    "translate host name": "there is no host of that name",
    "timeout": "no answer in time",
    "too many": "the server takes no more connections",
}
# Deadlock, serialization failure, lock not available, too many connections, the server is stopping or starting.
RETRYABLE_SQLSTATES = ("40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03")


def connect(url: str) -> Engine:
    """Make an engine for a database; connects on first use. Raises ConfigError for a URL that can't be used."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    return create_engine(
        parsed,
        paramstyle="format",
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "llava-ocr"},
    )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads. Raises DatabaseUnavailable, DatabaseError."""
    with translated(engine.url), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes: all of it is kept, or nothing. Raises DatabaseUnavailable, DatabaseError."""
    writer = engine.execution_options(**{WRITES: True})
    with translated(engine.url), writer.connect() as connection, connection.begin():
        yield connection


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Raise the database's errors as ours. Messages hold neither values nor passwords, only the kind of failure."""
    try:
        yield
    except exc.TimeoutError as error:
        raise DatabaseUnavailable(f"{place(url)}: no free connection") from error
    except exc.DBAPIError as error:
        kind = DatabaseUnavailable if _may_pass(error) else DatabaseError
        raise kind(f"{place(url)}: {_describe(error)}") from error
    except exc.SQLAlchemyError as error:
        raise DatabaseError(f"{place(url)}: {type(error).__name__}") from error


def place(url: URL) -> str:
    """Name a database for people: its file, or its host and name; never its user or password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    return f"PostgreSQL database {url.database or ''} at {url.host or 'the local socket'}"


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        # The URL itself may hold a password, so it is not repeated, and neither is the cause.
        raise ConfigError("the database URL can't be read; give sqlite:///FILE or postgresql://HOST/NAME") from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ConfigError(f"databases of kind {parsed.drivername} are not supported; use sqlite or postgresql")
    return parsed


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("a SQLite database in memory can't be shared by threads; give sqlite:///FILE")
    if not Path(url.database).absolute().parent.is_dir():
        raise DatabaseError(f"SQLite file {url.database}: its folder does not exist")
    waiting = {} if "timeout" in url.query else {"timeout": BUSY_TIMEOUT_S}
    engine = create_engine(url, hide_parameters=True, connect_args=waiting)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    # Left to itself the driver opens transactions late and never for a SELECT; `_begin_sqlite` opens them instead.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _may_pass(error: exc.DBAPIError) -> bool:
    """Whether the same statement may succeed later: nobody answers, or another writer holds the lock."""
    state = _sqlstate(error)
    if error.connection_invalidated or state in RETRYABLE_SQLSTATES or state.startswith("08"):
        return True
    if not isinstance(error, exc.OperationalError):
        return False
    if type(error.orig).__module__.startswith("psycopg"):
        # A failure to connect has no SQLSTATE. A wrong password has none either, and is as likely to be mended.
        return not state
    return "locked" in str(error.orig) or "busy" in str(error.orig)


def _describe(error: exc.DBAPIError) -> str:
    kind = type(error.orig).__name__
    if type(error.orig).__module__.startswith("sqlite3"):
        # SQLite's messages name tables and columns, never values.
        return f"{kind}: {error.orig}"
    state = _sqlstate(error)
    return f"{kind} ({state})" if state else _why_not_connected(str(error.orig))


def _why_not_connected(said: str) -> str:
    """Name the usual reasons. libpq's own words hold the user's name, and come in the server's language."""
    return next((reason for sign, reason in _NO_CONNECTION.items() if sign in said), "can't connect")


def _sqlstate(error: exc.DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")
