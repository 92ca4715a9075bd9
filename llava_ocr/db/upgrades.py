"""Bringing the tables to this program's version, and telling whether they are. The steps lie in `migrations`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.schema import SchemaItem

from llava_ocr.db import link_rows, review_rows
from llava_ocr.db.connection import place, reading, writing
from llava_ocr.db.rows import Row
from llava_ocr.errors import NoDatabase, SchemaOutOfDate

# Importing a module of rows puts its tables into the metadata that a database is compared with.
ROW_MODULES = (link_rows, review_rows)
# The full-text index, which differs by database and has no class of rows; `listings` makes and reads it.
SEARCH_NAMES = ("listings_search", "ix_listings_search")
VERSION_TABLE = "llava_ocr_version"
# Any number, the same for all of us: PostgreSQL's lock that lets one process at a time change the tables.
TABLES_LOCK = 0x11A7A0C2


@dataclass(frozen=True, slots=True)
class Health:
    """What `db check` found. `revision` is the database's (None: no tables yet), `head` this program's."""

    revision: str | None
    head: str
    problems: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        """Whether the database can be used as it is."""
        return not self.problems


def head_revision() -> str:
    """Return the revision that this program works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "no migrations in the package"
    return head


def upgrade(engine: Engine, *, revision: str = "head") -> None:
    """Bring the tables to `revision` in one transaction. A second process waits, then finds nothing to do.

    Raises SchemaOutOfDate when the database is newer than this program.
    """
    with writing(engine) as connection:
        lock_tables(connection)
        _refuse_newer(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_empty(engine: Engine) -> bool:
    """Whether the database has no tables of ours yet."""
    with reading(engine) as connection:
        return _revision(connection) is None


def require_current(engine: Engine) -> None:
    """Raise NoDatabase where there are no tables, SchemaOutOfDate unless they are of this program's version."""
    with reading(engine) as connection:
        _refuse_newer(connection)
        revision = _revision(connection)
    if revision is None:
        raise NoDatabase(f"{place(engine.url)}: is empty, it has no tables yet")
    if revision != head_revision():
        raise SchemaOutOfDate(f"{place(engine.url)}: is at revision {revision}, this program needs {head_revision()}")


def check(engine: Engine) -> Health:
    """Look for what is wrong with the database, changing nothing: version, drift of the tables, integrity."""
    with reading(engine) as connection:
        revision, head = _revision(connection), head_revision()
        if revision != head:
            problem = f"is at revision {revision or 'none'}, this program works with {head}"
            return Health(revision, head, (problem,))
        return Health(revision, head, (*_drift(connection), *_damage(connection)))


def lock_tables(connection: Connection) -> None:
    """Wait until no other process changes the tables; lasts to the end of the transaction."""
    # SQLite needs nothing: `writing` already holds the only write lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": TABLES_LOCK})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})


def _revision(connection: Connection) -> str | None:
    return _context(connection).get_current_revision()


def _refuse_newer(connection: Connection) -> None:
    revision = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaOutOfDate(
            f"{place(connection.engine.url)}: is at revision {revision}, which this program does not know; "
            "a newer program made it. Install that version or a newer one"
        )


def _drift(connection: Connection) -> list[str]:
    """Describe where the tables differ from `rows`; tables of other programs are left out."""
    described = []
    for change in compare_metadata(_context(connection), Row.metadata):
        # A change of a column comes as a list of one tuple, the others as a tuple.
        operation, *details = change if isinstance(change, tuple) else change[0]
        names = [str(getattr(detail, "name", detail)) for detail in details if isinstance(detail, (str, SchemaItem))]
        is_of_search = any(name.startswith(SEARCH_NAMES) for name in names)
        if operation != "remove_table" and not is_of_search:
            described.append(f"tables differ from this program's: {operation} {' '.join(names)}")
    return described


def _damage(connection: Connection) -> list[str]:
    problems = []
    if connection.dialect.name == "sqlite":
        verdicts = connection.execute(text("PRAGMA quick_check(5)")).scalars().all()
        problems += [f"damaged file: {verdict}" for verdict in verdicts if verdict != "ok"]
        orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
        problems += [f"{len(orphans)} rows point at nothing"] if orphans else []
    return problems
