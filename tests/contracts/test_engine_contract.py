"""What every engine promises, asked of each of them: order, identity, and that one failure stays alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Engine, Request, StopReason
from llava_ocr.engines.endpoint import open_endpoint
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import InputError
from llava_ocr.prompts import ask_for_record
from llava_ocr.schema import DocumentSchema, Text, read, tree
from llava_ocr.settings import Settings, override
from llava_ocr.words.layout import lay_out
from tests.fakes import raster, words_of
from tests.servers.openai_like import OpenAiLike, serving, status
from tests.tiny.models import tiny_model
from tests.tiny.tokenizers import tiny_tokenizer

BAD = "bad"


class Note(DocumentSchema):
    """A note."""

    title: Text | None = read("Its first line")


LAYOUT = lay_out(words_of("One two three"), aspect=0.7)


def request_of(name: str, engine: Engine) -> Request:
    prompt = ask_for_record(tree(Note), LAYOUT)
    grammar = build_grammar(tree(Note), LAYOUT)
    return Request(name, prompt, (raster(engine.profile.tile_px),), grammar, 40)


def scripted() -> Iterator[Engine]:
    yield ScriptedEngine(failures={BAD: InputError("asked for")})


def endpoint() -> Iterator[Engine]:
    with serving(OpenAiLike()) as like:
        settings = override(Settings(), endpoint_url=like.url, endpoint_model="llava", endpoint_concurrency=1)
        engine = open_endpoint(settings)
        ask = engine.complete

        def complete(requests):
            like.faults = [status(500) if request.id == BAD else None for request in requests]
            like.faults = [fault or (lambda: answer(like)) for fault in like.faults]
            return ask(requests)

        engine.complete = complete  # type: ignore[method-assign]
        yield engine
        engine.close()


def answer(like: OpenAiLike):
    choice = {"message": {"content": like.text}, "finish_reason": "stop"}
    return 200, {}, json.dumps({"choices": [choice]}).encode()


def local() -> Iterator[Engine]:
    model = tiny_model("llama", tiny_tokenizer())
    compiler = GrammarCompiler.for_tokenizer(model.tokenizer)
    yield LocalEngine(model, compile_grammar=compiler.compile)


@pytest.fixture(scope="module", params=[scripted, endpoint, local], ids=["scripted", "endpoint", "local"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    make: Callable[[], Iterator[Engine]] = request.param
    yield from make()


def test_no_requests_have_no_answers(engine: Engine) -> None:
    assert engine.complete([]) == []


def test_answers_come_in_the_order_of_the_requests(engine: Engine) -> None:
    names = [f"page {index}" for index in range(5)]
    completions = engine.complete([request_of(name, engine) for name in names])
    assert [completion.request_id for completion in completions] == names


def test_an_answer_is_whole_and_of_the_shape(engine: Engine) -> None:
    [completion] = engine.complete([request_of("page", engine)])
    assert completion.error is None
    assert completion.stop_reason is StopReason.END
    assert list(json.loads(completion.text)) == ["title"]


def test_one_failure_stays_alone(engine: Engine) -> None:
    requests = [request_of(name, engine) for name in ("first", BAD, "last")]
    # Every engine can fail at this one: the scripted and the faulty server by its name, the local one by its length.
    requests[1] = replace(
        requests[1], prompt=replace(requests[1].prompt, user=requests[1].prompt.user + " long" * 5_000)
    )
    completions = engine.complete(requests)
    assert [completion.error is None for completion in completions] == [True, False, True]


def test_a_profile_names_what_answers(engine: Engine) -> None:
    assert engine.profile.name
    assert engine.profile.fingerprint
