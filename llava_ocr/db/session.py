"""The database as the rest of the product sees it: one class, each method one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, Engine

from llava_ocr.db import accounts, addresses, connection, listings, planning, upgrades, views
from llava_ocr.db.keeping import keep
from llava_ocr.db.planning import Done, Planned, Skip
from llava_ocr.db.upgrades import Health
from llava_ocr.db.upserts import chunks
from llava_ocr.errors import NoDatabase
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.order import Order
from llava_ocr.records import DocumentOutcome
from llava_ocr.schema import DocumentSchema
from llava_ocr.store.base import ObjectInfo


def open_database(url: str) -> Database:
    """Open a database by URL: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`. Connects on first use.

    Raises ConfigError for a URL that can't be used, DatabaseError when the file's folder is missing.
    """
    return Database(connection.connect(url))


def existing_database(url: str) -> Database:
    """Open a database that is there already, for what reads; nothing is made. Raises NoDatabase for a missing file."""
    database = open_database(url)
    at = database.engine.url
    is_file = at.get_backend_name() == "sqlite" and not str(at.database).startswith("file:")
    if is_file and not Path(str(at.database)).exists():
        raise NoDatabase(f"no database at {at.database}")
    return database


def upgrade_database(url: str) -> str:
    """Bring the database at `url` to this program's version and return its revision."""
    with open_database(url) as database:
        database.upgrade()
    return upgrades.head_revision()


def check_database(url: str) -> tuple[str, ...]:
    """Say what is wrong with the database at `url`; nothing when it can be used as it is."""
    with open_database(url) as database:
        return database.check().problems


def shown_url(url: str) -> str:
    """Name the database at `url` for people, without user or password."""
    with open_database(url) as database:
        return database.place


class Database:
    """Runs, documents and records. Safe to use from several threads; close it at the end.

    Every method raises DatabaseUnavailable when nobody answers, DatabaseError when the database refuses, and all but
    `upgrade` and `check` raise SchemaOutOfDate when the tables are of another version than this program.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._is_current = False

    @property
    def place(self) -> str:
        """The database's name for people, without a password."""
        return connection.place(self.engine.url)

    def upgrade(self) -> None:
        """Make the tables, or bring them to this program's version. Several processes may do so at once."""
        upgrades.upgrade(self.engine)

    def make_tables(self) -> None:
        """Make the tables where there are none; a database of another version is left as it is."""
        if upgrades.is_empty(self.engine):
            upgrades.upgrade(self.engine)

    def check(self) -> Health:
        """Look for what is wrong, changing nothing: version, drift, damage, lost views."""
        health = upgrades.check(self.engine)
        if health.revision != health.head:
            return health
        with self.reading() as transaction:
            return replace(health, problems=(*health.problems, *views.missing(transaction)))

    def schemas_with_views(self) -> list[str]:
        """Name the schemas whose views were made."""
        with self.reading() as transaction:
            return views.schemas_with_views(transaction)

    def refresh_views(self, schema: type[DocumentSchema]) -> None:
        """Create the typed views of a schema, or bring them to its present fields."""
        with self.writing() as transaction:
            views.refresh_views(transaction, schema)
            listings.save_headline(transaction, schema)

    def start_run(self, order: Order) -> str:
        """Open a run's accounts; returns its id."""
        with self.writing() as transaction:
            return planning.start_run(transaction, order)

    def find_unfinished(self, order: Order) -> str | None:
        """Return the newest run of exactly this order that was begun and neither ended nor cancelled."""
        with self.reading() as transaction:
            return planning.find_unfinished(transaction, order)

    def plan(self, run_id: str, infos: Iterable[ObjectInfo]) -> list[Planned]:
        """Write down the objects that the run must account for; says of each whether it is done already.

        A listing may take minutes, so each batch of it is a transaction of its own and other writers get their turn.
        """
        planned: list[Planned] = []
        for batch in chunks(infos):
            with self.writing() as transaction:
                planned += planning.plan(transaction, run_id, batch)
        return planned

    def find_done(self, document_ids: Sequence[str], schema_fingerprint: str, engine_fingerprint: str) -> Done:
        """Tell which documents were read before under these fingerprints."""
        with self.reading() as transaction:
            return planning.find_done(transaction, document_ids, schema_fingerprint, engine_fingerprint)

    def skip(self, run_id: str, skips: Sequence[Skip]) -> None:
        """End objects that are not read."""
        with self.writing() as transaction:
            addresses.follow(transaction, run_id, planning.skip(transaction, run_id, skips))

    def save(self, run_id: str, outcomes: Sequence[DocumentOutcome]) -> None:
        """Write what came of documents: all of it, or nothing. Saving the same again changes nothing.

        Documents that were erased are not kept again; the run skips them.
        """
        with self.writing() as transaction:
            keep(transaction, run_id, outcomes)

    def balance(self, run_id: str) -> Balance:
        """Count the run's accounts as they stand."""
        with self.reading() as transaction:
            return accounts.balance_of(transaction, run_id)

    def finish_run(self, run_id: str) -> Balance:
        """Close the run's accounts and return them."""
        with self.writing() as transaction:
            return accounts.finish_run(transaction, run_id)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction for the queries of this package."""
        self._require_current()
        with connection.reading(self.engine) as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is kept whole or not at all."""
        self._require_current()
        with connection.writing(self.engine) as transaction:
            yield transaction

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Database:
        """Return the database, to be closed at the end of the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self.close()

    def _require_current(self) -> None:
        if not self._is_current:
            upgrades.require_current(self.engine)
            self._is_current = True
