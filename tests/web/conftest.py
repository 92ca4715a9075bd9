"""A server with three invoices that were painted and read, and a browser where there is one."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from llava_ocr.db.people import save_user
from llava_ocr.db.session import Database
from llava_ocr.review.people import Role
from llava_ocr.run import ExtractOrder, begin, end, listed
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.synth.demo import paint_pdf
from llava_ocr.synth.paint import paint
from llava_ocr.web.app import create_app
from llava_ocr.web.opening import open_site
from llava_ocr.work import read
from tests.truthful import TruthfulEngine

PASSWORD = "correct horse battery"
SEEDS = (7001, 7005, 7013)


@dataclass(frozen=True)
class Served:
    """A running server and what it serves."""

    url: str
    db: Database
    services: Services
    client: httpx.Client

    def csrf(self, client: httpx.Client | None = None) -> str:
        text = (client or self.client).get("/records").text
        return text.split('name="csrf" content="')[1].split('"')[0]

    def post(self, address: str, /, client: httpx.Client | None = None, **form: str) -> httpx.Response:
        with_secret = {"X-CSRF-Token": self.csrf(client)}
        return (client or self.client).post(address, data=form, headers=with_secret)


def services_over(url: str, engine: Any = None) -> Services:
    services = Services(override(Settings(), db=url, engine="scripted", ocr="never", workers=1, cache_bytes=0))
    if engine is not None:
        services.__dict__["engine"] = engine
    return services


def read_all(services: Services, folder: Path, **order: Any) -> None:
    run = begin(ExtractOrder(source=str(folder), schema_name="invoice", **order), services)
    read(run, listed(run.order, run.source))
    end(run, seconds=1.0)


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three invoices and the database they were read into."""
    folder = tmp_path_factory.mktemp("painted")
    documents = [paint("invoice", seed) for seed in SEEDS]
    (folder / "in").mkdir()
    for number, document in enumerate(documents):
        (folder / "in" / f"invoice-{number}.pdf").write_bytes(paint_pdf(document))
    services = services_over(f"sqlite:///{folder}/a.db", TruthfulEngine(documents))
    read_all(services, folder / "in")
    services.close()
    return folder


@pytest.fixture
def services(painted: Path, tmp_path: Path) -> Iterator[Services]:
    shutil.copy(painted / "a.db", tmp_path / "a.db")
    services = services_over(f"sqlite:///{tmp_path}/a.db")
    yield services
    services.close()


@contextmanager
def serving(services: Services, **site: Any) -> Iterator[Served]:
    """Serve on a port of its own, in a thread."""
    with open_site(services, **site) as opened:
        server = uvicorn.Server(
            uvicorn.Config(create_app(opened), port=0, log_level="warning", ws="none", proxy_headers=False)
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://localhost:{port}"
        with httpx.Client(base_url=url, timeout=120) as client:
            yield Served(url, services.database, services, client)
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def shared(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests that change no record."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(painted / "a.db", folder / "a.db")
    services = services_over(f"sqlite:///{folder}/a.db")
    with serving(services) as running:
        yield running
    services.close()


@pytest.fixture
def served(services: Services) -> Iterator[Served]:
    with serving(services) as running:
        yield running


@pytest.fixture
def guarded(services: Services) -> Iterator[Served]:
    """A server where people must sign in; there is one of each role."""
    with services.database.writing() as connection:
        for role in Role:
            save_user(connection, role.value, PASSWORD, role)
    with serving(services, must_sign_in=True) as running:
        yield running


SignIn = Callable[[str], httpx.Client]


@pytest.fixture
def sign_in(guarded: Served) -> Iterator[SignIn]:
    opened = []

    def enter(name: str) -> httpx.Client:
        client = httpx.Client(base_url=guarded.url, timeout=120)
        opened.append(client)
        assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
        return client

    yield enter
    for client in opened:
        client.close()
