"""What every engine promises, asked of each: endpoints on a real HTTP server, the local model a tiny one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Engine, Request, StopReason
from llava_ocr.engines.dialects import DIALECTS
from llava_ocr.engines.endpoint import open_endpoint
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.rules import rules_profile, say_guess
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import PromptTooLong
from llava_ocr.prompts import ask_for_pages, ask_for_record
from llava_ocr.schema import DocumentSchema, Text, read, tree
from llava_ocr.settings import Settings, override
from llava_ocr.words.layout import lay_out
from llava_ocr.words.stack import stack
from tests.fakes import raster, words_of
from tests.servers.openai_like import OpenAiLike, serving
from tests.tiny.models import tiny_model
from tests.tiny.tokenizers import tiny_tokenizer

TOO_LONG = "too long"


class Note(DocumentSchema):
    """A note."""

    title: Text | None = read("Its first line")


LAYOUT = lay_out(words_of("One two three"), aspect=0.7)


def request_of(name: str, engine: Engine) -> Request:
    """A question with a grammar; the one named `TOO_LONG` fits no engine."""
    prompt = ask_for_record(tree(Note), LAYOUT)
    if name == TOO_LONG:
        prompt = replace(prompt, user=prompt.user + " long" * 5_000)
    grammar = build_grammar(tree(Note), LAYOUT)
    return Request(name, prompt, (raster(engine.profile.tile_px),), grammar, 40)


@contextmanager
def scripted() -> Iterator[Engine]:
    yield ScriptedEngine(failures={TOO_LONG: PromptTooLong("5,000 tokens")})


@contextmanager
def rules() -> Iterator[Engine]:
    yield ScriptedEngine(say_guess, failures={TOO_LONG: PromptTooLong("5,000 tokens")}, profile=rules_profile())


@contextmanager
def endpoint(dialect: str) -> Iterator[Engine]:
    with serving(OpenAiLike(max_body_bytes=20_000)) as server:
        settings = override(Settings(), endpoint_url=server.url, endpoint_model="llava", endpoint_dialect=dialect)
        yield open_endpoint(settings)


@contextmanager
def local() -> Iterator[Engine]:
    model = tiny_model("llama", tiny_tokenizer())
    yield LocalEngine(model, compile_grammar=GrammarCompiler.for_tokenizer(model.tokenizer).compile)


def opener(dialect: str) -> Callable[[], AbstractContextManager[Engine]]:
    return lambda: endpoint(dialect)


ENGINES = {"scripted": scripted, "rules": rules, "local": local} | {name: opener(name) for name in DIALECTS}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with ENGINES[request.param]() as opened:
        yield opened
        opened.close()
        # Closing what is closed is no mistake.
        opened.close()


def test_no_requests_have_no_answers(engine: Engine) -> None:
    assert engine.complete([]) == []


def test_answers_come_in_the_order_of_the_requests(engine: Engine) -> None:
    names = [f"page {index}" for index in (3, 1, 4, 0, 5)]
    completions = engine.complete([request_of(name, engine) for name in names])
    assert [completion.request_id for completion in completions] == names


def test_an_answer_is_whole_and_of_the_shape(engine: Engine) -> None:
    [completion] = engine.complete([request_of("page", engine)])
    assert completion.error is None
    assert completion.stop_reason is StopReason.END
    assert list(json.loads(completion.text)) == ["title"]


def test_a_trace_covers_its_text_or_is_empty(engine: Engine) -> None:
    [completion] = engine.complete([request_of("page", engine)])
    trace = completion.trace
    assert len(trace.ends) == len(trace.logprobs) == len(trace.forced)
    assert list(trace.ends) == sorted(trace.ends)
    assert not trace.ends or trace.ends[-1] == len(completion.text)


def test_a_request_may_show_several_pages(engine: Engine) -> None:
    prompt = ask_for_pages(tree(Note), {0: LAYOUT, 1: LAYOUT}, num_pages=2)
    rasters = (raster(engine.profile.tile_px), raster(engine.profile.tile_px))
    request = Request("pages 0-1", prompt, rasters, build_grammar(tree(Note), stack([LAYOUT, LAYOUT])), 40)
    [completion] = engine.complete([request])
    assert completion.error is None
    assert list(json.loads(completion.text)) == ["title"]


def test_one_failure_stays_alone(engine: Engine) -> None:
    first, failed, last = engine.complete([request_of(name, engine) for name in ("first", TOO_LONG, "last")])
    assert (first.error, last.error) == (None, None)
    assert isinstance(failed.error, PromptTooLong)
    assert (failed.text, failed.stop_reason) == ("", StopReason.CANCELLED)


def test_a_profile_names_what_answers_and_stays_the_same(engine: Engine) -> None:
    before = engine.profile
    engine.complete([request_of("page", engine)])
    assert engine.profile == before
    assert before.name
    assert before.fingerprint
