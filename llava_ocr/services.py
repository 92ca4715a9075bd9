"""The parts a process works with, opened when first used and closed together. Edges build one from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path

from llava_ocr.catalog import Catalog
from llava_ocr.db.queries import count_waiting
from llava_ocr.db.session import Database, open_database
from llava_ocr.engines.base import Engine
from llava_ocr.engines.open import open_engine
from llava_ocr.errors import ConfigError
from llava_ocr.machine import num_cores
from llava_ocr.metered import MeteredEngine
from llava_ocr.metrics import Metrics
from llava_ocr.raster.base import Limits, PageReader, ReadOptions
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.raster.unpacking import Unpack, unpack
from llava_ocr.settings import Settings


class Services:
    """Engine, page reader, database, catalog and metrics of one process. Not for use after `close`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def catalog(self) -> Catalog:
        """The document types: shipped ones and those of the user's folder."""
        folder = self.settings.schemas
        return Catalog([folder] if folder is not None else [])

    @cached_property
    def metrics(self) -> Metrics:
        """What this process has done; its engine's runs are asked how many shards wait."""
        metrics = Metrics()
        metrics.watch_waiting(lambda: count_waiting(self.database, self.engine.profile.fingerprint))
        return metrics

    @cached_property
    def database(self) -> Database:
        """The database, its tables made when it is new. One of another version says so when it is first used."""
        database = open_database(self.settings.db)
        database.make_tables()
        return database

    @cached_property
    def engine(self) -> Engine:
        """The engine, with its weights loaded."""
        return open_engine(self.settings)

    @cached_property
    def metered(self) -> Engine:
        """The same engine, with what it does counted."""
        return MeteredEngine(self.engine, self.metrics)

    @cached_property
    def reader(self) -> PageReader:
        """The child processes that read pages for this engine."""
        return open_page_reader(read_options(self.settings, self.engine), num_children=self.num_workers)

    @cached_property
    def unpack(self) -> Unpack:
        """Takes PDFs out of PDFs, in a child process."""
        limits = read_limits(self.settings)
        return partial(unpack, passwords=self.passwords, pdf=self.settings.pdf, limits=limits)

    @property
    def num_workers(self) -> int:
        """Child processes that read pages: the setting, or one per core."""
        return self.settings.workers or num_cores()

    @cached_property
    def passwords(self) -> tuple[str, ...]:
        """Passwords to try on encrypted documents."""
        return read_passwords(self.settings.password_file)

    def close(self) -> None:
        """Close what was opened."""
        for name in ("reader", "engine", "database"):
            if name in self.__dict__:
                getattr(self, name).close()
                del self.__dict__[name]


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Open services for the length of a `with` block."""
    services = Services(settings)
    try:
        yield services
    finally:
        services.close()


def read_options(settings: Settings, engine: Engine) -> ReadOptions:
    """How pages are prepared under these settings for this engine."""
    return ReadOptions(
        profile=engine.profile,
        limits=read_limits(settings),
        pdf=settings.pdf,
        ocr=settings.ocr,
        max_tiles=settings.max_tiles,
        max_visual_tokens=settings.max_visual_tokens,
    )


def read_limits(settings: Settings) -> Limits:
    """What one document may cost under these settings."""
    return Limits(
        max_bytes=settings.max_bytes,
        max_pages=settings.max_pages,
        max_pixels=settings.max_pixels,
        page_timeout_s=settings.page_timeout_s,
        memory_bytes=settings.memory_bytes,
    )


def read_passwords(path: Path | None) -> tuple[str, ...]:
    """Read a password file, one a line. Raises ConfigError where it can't be read."""
    if path is None:
        return ()
    try:
        return tuple(line for line in path.read_text(encoding="utf-8").splitlines() if line)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"password file {path}: {type(error).__name__}") from None
