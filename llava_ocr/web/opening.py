"""Opens what the pages work with, and lists records that a database of before did not list."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from llava_ocr.db.listings import list_records, save_headline, unlisted
from llava_ocr.services import Services
from llava_ocr.web.pictures import Pictures
from llava_ocr.web.state import Site

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Records listed in one transaction, so that runs get their turn in between.
BATCH = 500


@contextmanager
def open_site(
    services: Services, *, hosts: frozenset[str] = LOOPBACK, must_sign_in: bool = False, is_https: bool = False
) -> Iterator[Site]:
    """Open a site for the length of a `with` block; its records are all listed first."""
    list_all(services)
    pictures = Pictures(services.database, services.settings)
    try:
        yield Site(services.database, services.catalog, pictures, hosts, must_sign_in, is_https)
    finally:
        pictures.close()


def run_server(site: Site, *, host: str, port: int) -> None:
    """Serve the pages until the process is told to end."""
    import uvicorn

    from llava_ocr.web.app import create_app

    # A million records take a second to count, which nobody should wait for.
    threading.Thread(target=site.counts.num_waiting, name="counting", daemon=True).start()
    uvicorn.run(create_app(site), host=host, port=port, log_level="warning", server_header=False, ws="none")


def list_all(services: Services) -> int:
    """List the current records that are not listed yet; returns how many there were."""
    db, count = services.database, 0
    with db.writing() as connection:
        for name in services.catalog.names():
            save_headline(connection, services.catalog.get(name))
    while True:
        with db.writing() as connection:
            missing = unlisted(connection, limit=BATCH)
            list_records(connection, missing)
        if not missing:
            return count
        count += len(missing)
