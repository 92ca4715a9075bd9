"""Whole runs that are answered by a server: every page once, places kept full, and what a dead server leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from llava_ocr.engines.endpoint import open_endpoint
from llava_ocr.errors import EngineUnavailable, ModelNotFound
from llava_ocr.run import RunEnd
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from tests.fakes import JsonReader, paper
from tests.runs import CountingStore, run_all
from tests.servers.inference import KINDS, Inference, VllmLike, generating


class ServedServices(Services):
    """Services whose engine is a server, with a JSON reader in place of the real one."""

    def __init__(self, folder: Path, server: Inference, dialect: str) -> None:
        settings = override(
            Settings(),
            db=f"sqlite:///{folder / 'records.db'}",
            engine="endpoint",
            endpoint_url=server.url,
            endpoint_model="llava",
            endpoint_dialect=dialect,
            endpoint_concurrency=4,
            workers=2,
        )
        super().__init__(settings)
        self.__dict__["reader"] = JsonReader()
        self.__dict__["engine"] = open_endpoint(settings)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def run_on(stack: ExitStack, folder: Path, server: Inference, dialect: str = "vllm", num: int = 6) -> RunEnd:
    if not server.url:
        stack.enter_context(generating(server))
    services = ServedServices(folder, server, dialect)
    stack.callback(services.close)
    store = CountingStore()
    for index in range(num):
        store.put(f"{index}", paper(f"Coffee {index}.50 2024-01-02", f"Thanks {index}"))
    return run_all(services, store, folder)


@pytest.mark.parametrize("dialect", KINDS)
def test_every_page_is_asked_about_once_and_answered(stack: ExitStack, tmp_path: Path, dialect: str) -> None:
    server = KINDS[dialect](wish="The merchant is Coffee.", prompt_tokens=900)
    ended = run_on(stack, tmp_path, server, dialect)
    assert ended.balance.is_balanced
    assert (ended.balance.ok, ended.num_records) == (12, 6)
    assert len(server.bodies) == 12


def test_the_server_s_places_are_filled_and_no_more(stack: ExitStack, tmp_path: Path) -> None:
    server = VllmLike(token_s=0.002, prompt_tokens=900)
    run_on(stack, tmp_path, server)
    assert server.max_at_once == 4


def test_a_wrong_model_ends_the_run_before_the_second_round(stack: ExitStack, tmp_path: Path) -> None:
    server = VllmLike(model="another")
    with pytest.raises(ModelNotFound):
        run_on(stack, tmp_path, server, num=30)
    assert len(server.bodies) <= 8


def test_a_server_that_is_gone_ends_the_run(stack: ExitStack, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        run_on(stack, tmp_path, VllmLike(url="http://127.0.0.1:9/v1"))
