"""Opens what the pages work with, and lists records that a database of before did not list."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from llava_ocr.db.listings import list_records, save_headline, unlisted
from llava_ocr.errors import CantListen
from llava_ocr.services import Services
from llava_ocr.web.pictures import Pictures
from llava_ocr.web.state import Site

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Records listed in one transaction, so that runs get their turn in between.
BATCH = 500


@contextmanager
def open_site(
    services: Services,
    *,
    hosts: frozenset[str] = LOOPBACK,
    must_sign_in: bool = False,
    is_https: bool = False,
    proxies: tuple[str, ...] = (),
) -> Iterator[Site]:
    """Open a site for the length of a `with` block; its records are all listed first."""
    list_all(services)
    pictures = Pictures(services.database, services.settings)
    try:
        yield Site(services.database, services.catalog, pictures, hosts, must_sign_in, is_https, proxies)
    finally:
        pictures.close()


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take a port for the length of a `with` block; 0 takes a free one. Raises CantListen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        server = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CantListen(f"{host}, port {port}: {error.strerror}") from None
    with server:
        yield server


def run_server(site: Site, server: socket.socket) -> None:
    """Serve the pages at a port that is open already, until the process is told to end."""
    import uvicorn

    from llava_ocr.web.app import create_app

    # A million records take a second to count, which nobody should wait for.
    threading.Thread(target=site.counts.num_waiting, name="counting", daemon=True).start()
    config = uvicorn.Config(create_app(site), log_level="warning", server_header=False, ws="none", proxy_headers=False)
    uvicorn.Server(config).run(sockets=[server])


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
