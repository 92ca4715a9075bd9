"""What `doctor` finds out about an endpoint, from servers that speak as the real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from llava_ocr.doctor import CHECKS, Checked, Health
from llava_ocr.engines.endpoint import server_of
from llava_ocr.engines.endpoint_check import Trial, look_over
from llava_ocr.engines.endpoint_kinds import recognize
from llava_ocr.errors import BadReply, ConfigError, EngineDenied, EngineUnavailable, ModelNotFound
from llava_ocr.settings import Settings, override
from tests.servers.inference import KINDS, Inference, LmStudioLike, VllmLike, generating
from tests.servers.openai_like import OpenAiLike, serving

DIALECTS = list(KINDS)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def pointed_at(stack: ExitStack, server: Inference, dialect: str, **changes: object) -> Settings:
    stack.enter_context(generating(server))
    given = {"engine": "endpoint", "endpoint_model": "llava", "endpoint_dialect": dialect} | changes
    return override(Settings(), endpoint_url=server.url, **given)


def checked(settings: Settings) -> Checked:
    return CHECKS["engine"](settings)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_is_recognized_by_what_it_is_whatever_was_expected(stack: ExitStack, dialect: str) -> None:
    server = KINDS[dialect]()
    found = recognize(server_of(pointed_at(stack, server, "openai")))
    assert found.kind == server.kind
    assert found.models[0].removesuffix(":latest") == "llava"


def test_a_server_of_no_known_kind_speaks_what_all_speak(stack: ExitStack) -> None:
    class Plain(VllmLike):
        def get(self, path: str) -> tuple[int, object]:
            return (200, {"data": [{"id": "llava"}]}) if path == "/v1/models" else (404, {})

    found, _ = look_over(pointed_at(stack, Plain(), "openai"))
    assert found.kind == "OpenAI-compatible"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_obeys_is_known_by_a_word_no_model_would_say(stack: ExitStack, dialect: str) -> None:
    _, trial = look_over(pointed_at(stack, KINDS[dialect](wish='{"seen":"white"}'), dialect))
    assert trial == Trial(obeys=True, tells_logprobs=dialect != "lmstudio", counts_tokens=True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_takes_no_notice_of_a_schema_is_found_out(stack: ExitStack, dialect: str) -> None:
    _, trial = look_over(pointed_at(stack, KINDS[dialect](wish='{"seen":"white"}', is_deaf=True), dialect))
    assert not trial.obeys


def test_vllm_without_guidance_is_no_vllm_guidance(stack: ExitStack) -> None:
    server = VllmLike()
    server.has_guidance = False
    assert checked(pointed_at(stack, server, "vllm")).health is Health.NOTE
    result = checked(pointed_at(stack, server, "vllm-guidance"))
    assert result.health is Health.FAULT
    assert "does not hold" in result.detail
    assert "DIALECT=vllm" in result.remedy


def test_the_right_dialect_is_named_to_who_has_the_wrong_one(stack: ExitStack) -> None:
    with pytest.raises(ConfigError, match=r"LM Studio at 127\.0\.0\.1 does not speak vllm.*DIALECT=lmstudio"):
        checked(pointed_at(stack, LmStudioLike(), "vllm"))


@pytest.mark.parametrize("model", ["", "llama"])
def test_the_models_that_are_there_are_named_to_who_has_the_wrong_one(stack: ExitStack, model: str) -> None:
    with pytest.raises(ModelNotFound, match="it has llava"):
        checked(pointed_at(stack, VllmLike(), "vllm", endpoint_model=model))


def test_doctor_tells_all_of_it_in_a_line(stack: ExitStack) -> None:
    result = checked(pointed_at(stack, VllmLike(), "vllm-guidance"))
    assert result.health is Health.OK
    assert result.detail == (
        "vLLM 0.25.0 speaks vllm-guidance, has llava (4,096 tokens of context): "
        "holds answers to the schema, tells log-probabilities, counts tokens"
    )


def test_a_refused_key_is_not_taken_for_another_server(stack: ExitStack) -> None:
    with pytest.raises(EngineDenied) as refused:
        checked(pointed_at(stack, VllmLike(key="sk-right"), "vllm", endpoint_key="sk-wrong"))
    assert "sk-" not in str(refused.value)


def test_a_server_that_is_not_there_can_t_be_reached() -> None:
    settings = override(Settings(), engine="endpoint", endpoint_url="http://127.0.0.1:9/v1", endpoint_model="llava")
    with pytest.raises(EngineUnavailable, match="can't be reached"):
        checked(settings)


def test_a_web_server_is_no_inference_server(stack: ExitStack) -> None:
    like = stack.enter_context(serving(OpenAiLike()))
    like.get_reply = (200, "text/html", b"<html>welcome</html>")
    settings = override(Settings(), engine="endpoint", endpoint_url=like.url, endpoint_model="llava")
    with pytest.raises(BadReply, match="text/html"):
        checked(settings)
