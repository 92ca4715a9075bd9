"""What every engine promises, asked of each of them; the endpoint is a real HTTP server, the local model a tiny one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from llava_ocr.engines.base import Engine, StopReason
from llava_ocr.engines.endpoint import open_endpoint
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import PromptTooLong
from llava_ocr.settings import Settings, override
from tests.servers.openai_like import OpenAiLike, serving
from tests.tiny.models import ask, page, tiny_model
from tests.tiny.tokenizers import tiny_tokenizer

TOO_LONG = "lines " * 4_000
PAGE = page(40, 40)


@contextmanager
def scripted() -> Iterator[Engine]:
    yield ScriptedEngine(failures={"long": PromptTooLong("request long: 4,000 tokens")})


@contextmanager
def endpoint(dialect: str) -> Iterator[Engine]:
    with serving(OpenAiLike(max_body_bytes=20_000)) as server:
        settings = override(Settings(), endpoint_url=server.url, endpoint_model="llava", endpoint_dialect=dialect)
        yield open_endpoint(settings)


@contextmanager
def local() -> Iterator[Engine]:
    # No request here has a grammar, so none is compiled.
    yield LocalEngine(tiny_model("llama", tiny_tokenizer()), compile_grammar=lambda grammar: pytest.fail(str(grammar)))


ENGINES: dict[str, Callable[[], AbstractContextManager[Engine]]] = {
    "scripted": scripted,
    "vllm": lambda: endpoint("vllm"),
    "vllm-guidance": lambda: endpoint("vllm-guidance"),
    "ollama": lambda: endpoint("ollama"),
    "lmstudio": lambda: endpoint("lmstudio"),
    "openai": lambda: endpoint("openai"),
    "local": local,
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with ENGINES[request.param]() as opened:
        yield opened
        opened.close()


def test_answers_come_in_the_order_of_the_requests(engine: Engine) -> None:
    names = [f"page {index}" for index in (3, 1, 4, 1, 5)]
    completions = engine.complete([ask("total", PAGE, request_id=name, max_new_tokens=4) for name in names])
    assert [completion.request_id for completion in completions] == names
    assert all(completion.error is None for completion in completions)


def test_no_requests_have_no_answers(engine: Engine) -> None:
    assert engine.complete([]) == []


def test_a_request_that_fails_fails_alone(engine: Engine) -> None:
    texts = {"first": "total", "long": TOO_LONG, "last": "total"}
    completions = engine.complete([ask(text, PAGE, request_id=name) for name, text in texts.items()])
    first, long, last = completions
    assert (first.error, last.error) == (None, None)
    assert isinstance(long.error, PromptTooLong)
    assert long.stop_reason is StopReason.CANCELLED
    assert not long.text


def test_a_trace_covers_its_text_or_is_empty(engine: Engine) -> None:
    [completion] = engine.complete([ask("total", PAGE, max_new_tokens=8)])
    trace = completion.trace
    assert len(trace.ends) == len(trace.logprobs) == len(trace.forced)
    assert list(trace.ends) == sorted(trace.ends)
    assert not trace.ends or trace.ends[-1] == len(completion.text)


def test_the_profile_stays_the_same_and_names_the_engine(engine: Engine) -> None:
    before = engine.profile
    engine.complete([ask("total", PAGE, max_new_tokens=2)])
    assert engine.profile == before
    assert before.name
    assert before.fingerprint


def test_an_engine_can_be_closed_twice(engine: Engine) -> None:
    engine.complete([ask("total", PAGE, max_new_tokens=2)])
    engine.close()
    engine.close()
