"""A server stops working for who is gone: seen from uvicorn, which vLLM runs on, with and without TLS."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llava_ocr.engines.base import Request
from llava_ocr.engines.endpoint import EndpointEngine, open_endpoint
from llava_ocr.errors import EngineTimeout, EngineUnavailable
from llava_ocr.prompts import Prompt
from llava_ocr.settings import Settings, override
from tests.fakes import raster
from tests.servers.asgi import AsgiLike, make_certificate, served

QUESTION = Request("r", Prompt("<image>\nWhat is the title?"), (raster(),), None, 100)


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AsgiLike]:
    certificate = make_certificate(tmp_path / "server.pem") if request.param == "https" else None
    if certificate is not None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with served(AsgiLike(), certificate=certificate) as app:
        yield app


def engine(server: AsgiLike, timeout_s: float = 20.0) -> EndpointEngine:
    settings = override(Settings(), endpoint_url=server.url, endpoint_model="llava", engine_timeout_s=timeout_s)
    return open_endpoint(settings)


def test_a_time_out_stops_the_server(server: AsgiLike) -> None:
    [completion] = engine(server, timeout_s=0.4).complete([QUESTION])
    assert isinstance(completion.error, EngineTimeout)
    assert server.is_hung_up.wait(5)
    num_said = server.num_said
    time.sleep(0.1)
    assert server.num_said == num_said


def test_closing_the_engine_stops_the_server(server: AsgiLike) -> None:
    opened = engine(server)
    closer = threading.Thread(target=lambda: (server.is_begun.wait(10), opened.close()))
    closer.start()
    with pytest.raises(EngineUnavailable, match="closed"):
        opened.complete([QUESTION])
    closer.join()
    assert server.is_hung_up.wait(5)


def test_an_answer_in_time_is_an_answer(server: AsgiLike) -> None:
    server.is_endless = False
    opened = engine(server)
    assert opened.complete([QUESTION, QUESTION])[1].error is None
    assert not server.is_hung_up.is_set()
    opened.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with (
        served(AsgiLike(), certificate=make_certificate(tmp_path / "server.pem")) as app,
        pytest.raises(EngineUnavailable, match="can't be reached"),
    ):
        engine(app).complete([QUESTION])
