from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Iterator

import llguidance
import pytest

from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Request, StopReason
from llava_ocr.engines.endpoint import EndpointEngine, open_endpoint
from llava_ocr.errors import (
    BadGrammar,
    BadReply,
    ConfigError,
    EngineDenied,
    EngineDropped,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    ExtractionError,
    ModelNotFound,
    PromptTooLong,
)
from llava_ocr.prompts import Prompt
from llava_ocr.schema import DocumentSchema, Text, read, tree
from llava_ocr.settings import Settings, override
from llava_ocr.words.layout import lay_out
from tests.fakes import raster, words_of
from tests.servers.openai_like import OpenAiLike, Reply, cut_off, drip, drip_headers, raw, serving, status


class Note(DocumentSchema):
    """A note."""

    title: Text | None = read("Its first line")


GRAMMAR = build_grammar(tree(Note), None)


def ask(name: str = "page 0") -> Request:
    return Request(name, Prompt("<image>\nWhat is the title?"), (raster(),), GRAMMAR, 100)


@pytest.fixture
def server() -> Iterator[OpenAiLike]:
    with serving(OpenAiLike()) as like:
        yield like


def engine(server: OpenAiLike, **changes: object) -> EndpointEngine:
    settings = override(
        Settings(), endpoint_url=server.url, endpoint_model="llava", endpoint_key="sk-secret", **changes
    )
    return open_endpoint(settings)


def error_of(server: OpenAiLike, **changes: object) -> ExtractionError:
    """The error of the second of two requests, so that the first keeps the batch alive."""
    opened = engine(server, endpoint_concurrency=1, **changes)
    good, bad = opened.complete([ask("a"), ask("b")])
    opened.close()
    assert good.error is None
    assert bad.error is not None
    return bad.error


def answer_once(server: OpenAiLike) -> None:
    """Let the first request through before the faults."""
    choice = {"message": {"content": server.text}, "finish_reason": "stop"}
    server.faults.insert(0, raw(json.dumps({"choices": [choice]}).encode()))


def test_vllm_gets_the_json_schema_as_structured_output(server: OpenAiLike) -> None:
    [completion] = engine(server).complete([ask()])
    assert server.bodies[0]["structured_outputs"] == {"json": GRAMMAR.json_schema}
    assert (completion.text, completion.stop_reason) == (server.text, StopReason.END)


def test_vllm_with_guidance_gets_the_whole_grammar(server: OpenAiLike) -> None:
    opened = engine(server, endpoint_dialect="vllm-guidance")
    opened.complete([ask()])
    assert server.bodies[0]["structured_outputs"] == {"grammar": GRAMMAR.lark}
    assert opened.profile.takes_grammar


def test_llguidance_takes_the_grammar_for_lark_whatever_the_page_says() -> None:
    layout = lay_out(words_of("rule ::= a | b"), aspect=0.7)
    lark = build_grammar(tree(Note), layout).lark
    assert llguidance.grammar_from("grammar", lark) == lark


def test_lm_studio_gets_a_response_format(server: OpenAiLike) -> None:
    engine(server, endpoint_dialect="lmstudio").complete([ask()])
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == GRAMMAR.json_schema


def test_ollama_gets_its_own_format_and_plain_images(server: OpenAiLike) -> None:
    [completion] = engine(server, endpoint_dialect="ollama").complete([ask()])
    [body] = server.bodies
    assert server.paths == ["/api/chat"]
    assert body["format"] == GRAMMAR.json_schema
    assert base64.b64decode(body["messages"][0]["images"][0]).startswith(b"\x89PNG")
    assert completion.num_new_tokens == 7
    assert completion.trace.ends[-1] == len(server.text)


def test_ollama_may_not_drop_the_beginning_of_a_prompt(server: OpenAiLike) -> None:
    opened = engine(server, endpoint_dialect="ollama")
    opened.complete([ask()])
    [body] = server.bodies
    assert body["options"]["num_ctx"] == opened.profile.context_tokens
    assert body["truncate"] is False


def test_the_image_comes_before_the_question(server: OpenAiLike) -> None:
    engine(server).complete([ask()])
    image, text = server.bodies[0]["messages"][0]["content"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    assert text == {"type": "text", "text": "What is the title?"}


def test_log_probabilities_become_a_trace(server: OpenAiLike) -> None:
    [completion] = engine(server).complete([ask()])
    assert completion.trace.ends[-1] == len(server.text)
    assert set(completion.trace.logprobs) == {-0.1}


def test_answers_come_in_the_order_of_the_requests(server: OpenAiLike) -> None:
    names = [f"page {index}" for index in range(20)]
    completions = engine(server).complete([ask(name) for name in names])
    assert [completion.request_id for completion in completions] == names


def test_no_more_than_the_allowed_requests_are_open_at_once(server: OpenAiLike) -> None:
    server.delay_s = 0.02
    engine(server, endpoint_concurrency=3).complete([ask(str(index)) for index in range(24)])
    assert 2 <= server.max_at_once <= 3


def test_a_busy_server_is_asked_again(server: OpenAiLike) -> None:
    server.faults = [status(429, Retry_After="0"), status(503, Retry_After="0")]
    [completion] = engine(server).complete([ask()])
    assert completion.error is None
    assert len(server.bodies) == 3


def test_a_server_that_stays_busy_is_unavailable(server: OpenAiLike) -> None:
    server.faults = [status(429, Retry_After="0.1")] * 20
    with pytest.raises(EngineUnavailable, match="stays busy"):
        engine(server, engine_timeout_s=0.5).complete([ask()])
    assert 2 <= len(server.bodies) <= 5


def test_a_rest_that_is_longer_than_our_patience_is_not_begun(server: OpenAiLike) -> None:
    server.faults = [status(429, Retry_After="3600")]
    with pytest.raises(EngineUnavailable, match="3,600 s of rest"):
        engine(server).complete([ask()])
    assert len(server.bodies) == 1


def test_all_requests_rest_when_the_server_asks_one_of_them_to(server: OpenAiLike) -> None:
    opened = engine(server, endpoint_concurrency=2)
    server.faults = [status(429, Retry_After="0.4")]
    started = time.monotonic()
    opened.complete([ask("a")])
    opened.complete([ask("b")])
    assert 0.4 <= time.monotonic() - started < 5
    assert server.times_s[1] - server.times_s[0] >= 0.4


def test_a_date_is_a_time_to_wait_until(server: OpenAiLike) -> None:
    server.faults = [status(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), status(503, Retry_After="soon")]
    assert engine(server).complete([ask()])[0].error is None


def test_a_timeout_is_not_asked_again(server: OpenAiLike) -> None:
    def slow() -> Reply:
        time.sleep(1.5)
        return 200, {}, b"{}"

    answer_once(server)
    server.faults.append(slow)
    assert isinstance(error_of(server, engine_timeout_s=0.5), EngineTimeout)
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (status(500), EngineError),
        (status(502), EngineUnavailable),
        (status(504), EngineTimeout),
        (status(401), EngineDenied),
        (status(302, Location="http://127.0.0.1:9/"), EngineError),
        (raw(b"context length exceeded: secret", code=400), PromptTooLong),
        (status(404), ModelNotFound),
        (raw(b"<html>secret", media_type="text/html"), BadReply),
        (raw(b'data: {"choices":[]}', media_type="text/event-stream"), BadReply),
        (raw(b"[]"), BadReply),
        (raw(b"[" * 100_000), BadReply),
        (raw(b'{"error":"Unexpected endpoint"}'), BadReply),
        (raw(b'{"choices":[{"message":{"content":null}}]}'), BadReply),
        (raw(b'{"choices":[{"message":{"content":"\\ud800"}}]}'), BadReply),
        (raw(b'{"choices":[{"message":{"content":"{"},"finish_reason":"content_filter"}]}'), EngineError),
        (raw(b'{"choices":[]}'), BadReply),
        (raw(b'{"error":"model_not_found"}', code=400), ModelNotFound),
        (raw(b'{"error":"failed to parse grammar"}', code=400), BadGrammar),
        (raw(b'{"error":"Invalid schema for response_format"}', code=400), BadGrammar),
        (cut_off, EngineDropped),
    ],
)
def test_a_fault_fails_its_own_request_without_quoting_the_page(server, fault, error) -> None:
    answer_once(server)
    # Twice, for what is too long is asked once more without a limit.
    server.faults += [fault, fault]
    found = error_of(server)
    assert type(found) is error
    assert "secret" not in str(found)


def test_what_came_instead_of_json_is_named_and_not_quoted(server: OpenAiLike) -> None:
    answer_once(server)
    server.faults.append(raw(b"<html>secret</html>", media_type="text/html; charset=utf-8"))
    found = str(error_of(server))
    assert "text/html, 19 bytes" in found
    assert "secret" not in found


def test_a_server_that_refuses_log_probabilities_is_asked_without(server: OpenAiLike, caplog) -> None:
    server.faults = [raw(b'{"error":"logprobs is not supported"}', code=400)]
    completions = engine(server, endpoint_concurrency=1).complete([ask("a"), ask("b")])
    assert [completion.error for completion in completions] == [None, None]
    assert ["logprobs" in body for body in server.bodies] == [True, False, False]
    assert caplog.text.count("refuses to tell log-probabilities") == 1


def test_a_server_that_hangs_ends_the_run_and_not_page_after_page(server: OpenAiLike) -> None:
    server.gets_hang = True
    server.faults = [lambda: (time.sleep(1.2), (200, {}, b"{}"))[1]] * 2
    with pytest.raises(EngineUnavailable, match="hangs"):
        engine(server, engine_timeout_s=0.3).complete([ask("a"), ask("b")])


def test_a_server_that_is_only_slow_fails_its_pages_alone(server: OpenAiLike) -> None:
    server.faults = [lambda: (time.sleep(1.2), (200, {}, b"{}"))[1]]
    [completion] = engine(server, engine_timeout_s=0.3).complete([ask()])
    assert isinstance(completion.error, EngineTimeout)


def test_an_answer_cut_by_the_server_says_so(server: OpenAiLike) -> None:
    server.faults = [raw(b'{"choices":[{"message":{"content":"{"},"finish_reason":"length"}]}')]
    [completion] = engine(server).complete([ask()])
    assert completion.stop_reason is StopReason.LENGTH


def test_odd_counts_and_log_probabilities_do_not_spoil_an_answer(server: OpenAiLike) -> None:
    choice = {"message": {"content": "{}"}, "finish_reason": "stop", "logprobs": {"content": ["{", {"logprob": None}]}}
    server.faults = [raw(json.dumps({"choices": [choice], "usage": {"prompt_tokens": "many"}}).encode())]
    [completion] = engine(server).complete([ask()])
    assert (completion.text, completion.num_prompt_tokens, completion.trace.ends) == ("{}", 0, ())


@pytest.mark.parametrize(("fault", "error"), [(status(404), ModelNotFound), (status(401), EngineDenied)])
def test_what_is_wrong_for_every_request_ends_the_batch(server: OpenAiLike, fault, error) -> None:
    server.faults = [fault] * 3
    with pytest.raises(error):
        engine(server).complete([ask("a"), ask("b"), ask("c")])


def test_a_wrong_model_is_named(server: OpenAiLike) -> None:
    server.model = "another"
    with pytest.raises(ModelNotFound, match="vllm:llava"):
        engine(server).complete([ask()])


def test_closing_cuts_the_requests_under_way(server: OpenAiLike) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def hang() -> Reply:
        is_asked.set()
        may_answer.wait(20)
        return 200, {}, b"{}"

    server.faults = [hang]
    opened = engine(server)
    closer = threading.Thread(target=lambda: (is_asked.wait(20), opened.close()))
    closer.start()
    started = time.monotonic()
    with pytest.raises(EngineUnavailable, match="closed"):
        opened.complete([ask()])
    may_answer.set()
    closer.join()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("slow", [drip(b" " * 200, every_s=0.05), drip_headers(every_s=0.05)])
def test_an_answer_that_drips_in_is_given_up_in_time(server: OpenAiLike, slow) -> None:
    server.faults = [slow]
    started = time.monotonic()
    [completion] = engine(server, engine_timeout_s=0.5).complete([ask()])
    assert isinstance(completion.error, EngineTimeout)
    assert time.monotonic() - started < 5


def test_closing_leaves_nothing_to_a_request_that_waits_its_turn(server: OpenAiLike) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()
    server.faults = [lambda: (is_asked.set(), may_answer.wait(20), (200, {}, b"{}"))[2]]
    opened = engine(server, endpoint_concurrency=1)
    closer = threading.Thread(target=lambda: (is_asked.wait(20), opened.close()))
    closer.start()
    with pytest.raises(EngineUnavailable, match="closed"):
        opened.complete([ask("a"), ask("b"), ask("c")])
    may_answer.set()
    closer.join()
    assert len(server.bodies) == 1
    with pytest.raises(EngineUnavailable, match="closed"):
        opened.complete([ask("d")])


def test_a_server_that_is_not_there_is_unavailable() -> None:
    settings = override(Settings(), endpoint_url="http://127.0.0.1:9/v1", endpoint_model="llava")
    with pytest.raises(EngineUnavailable, match="can't be reached"):
        open_endpoint(settings).complete([ask()])


@pytest.mark.parametrize(
    "changes",
    [{"endpoint_url": ""}, {"endpoint_model": ""}, {"endpoint_url": "ftp://h/v1"}, {"endpoint_url": "http://h:port"},
     {"endpoint_url": "http:///v1"}, {"endpoint_url": "http://h/v1?key=sk-secret"},
     {"endpoint_url": "http://me:secret@h/v1", "endpoint_key": "sk-secret"},
     {"endpoint_key": "sk-secret\n"}, {"endpoint_key": "sk-secret-é"}],
)  # fmt: skip
def test_settings_that_can_not_work_are_refused(changes: dict[str, str]) -> None:
    given = {"endpoint_url": "http://h/v1", "endpoint_model": "m"} | changes
    with pytest.raises(ConfigError) as refused:
        open_endpoint(override(Settings(), **given))
    assert "secret" not in str(refused.value)


def test_an_unknown_dialect_is_a_setting_that_is_wrong(server: OpenAiLike) -> None:
    with pytest.raises(ConfigError, match="vllm-guidance"):
        engine(server, endpoint_dialect="telepathy")


def test_the_key_is_sent_and_never_shown(server: OpenAiLike) -> None:
    opened = engine(server)
    opened.complete([ask()])
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in repr(opened.profile) + repr(opened)


def test_the_key_is_not_logged(server: OpenAiLike, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine(server).complete([ask()])
    assert "sk-secret" not in caplog.text


def test_a_name_and_password_in_the_url_are_sent_and_never_shown(server: OpenAiLike, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    url = server.url.replace("http://", "http://reader:s%C3%A9same@")
    settings = override(Settings(), endpoint_url=url, endpoint_model="llava")
    server.faults = [status(500)]
    [completion] = open_endpoint(settings).complete([ask()])
    told = server.headers[0]["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(told).decode() == "reader:sésame"
    assert "HTTP Request" in caplog.text
    assert not any(secret in caplog.text + str(completion.error) for secret in ("same", told, "reader"))


def test_the_fingerprint_tells_models_and_dialects_apart_and_not_addresses(server: OpenAiLike) -> None:
    one = engine(server).profile.fingerprint
    elsewhere = override(Settings(), endpoint_url="http://elsewhere/v1", endpoint_model="llava")
    assert open_endpoint(elsewhere).profile.fingerprint == one
    assert open_endpoint(override(elsewhere, endpoint_model="other")).profile.fingerprint != one
    assert engine(server, endpoint_dialect="ollama").profile.fingerprint != one
