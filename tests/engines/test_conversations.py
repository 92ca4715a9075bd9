"""A conversation's promise: what is kept between turns changes no token, and is read only once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llava_ocr.engines.answer_key import answer_key
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.conversing import Conversing, open_conversation
from llava_ocr.engines.dialects import dialect_named
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.prompts import Exchange, Prompt
from tests.engines.test_local import PAGES, TEXTS
from tests.engines.test_slots import engine_of, model_of
from tests.tiny.models import ask

QUESTIONS = [TEXTS[1], "and the total", "so who pays it, and when, and to which account of which bank"]


def turn(opening: Request, history: list[Exchange], question: str) -> Request:
    """The next turn on the page of `opening`, whose text stands in the first."""
    first = f"<image>\n{QUESTIONS[0]}"
    prompt = Prompt(question, history=tuple(history)) if history else Prompt(first)
    return replace(opening, prompt=prompt)


def talk(backbone: str, *, is_kept: bool, max_new_tokens: int = 24) -> tuple[list[Completion], list[int]]:
    """Every turn's completion, and how many prompt tokens it had to read."""
    engine = engine_of(model_of(backbone))
    conversation = open_conversation(engine if is_kept else ScriptedEngine())
    opening, history = ask(QUESTIONS[0], PAGES[1], max_new_tokens=max_new_tokens), list[Exchange]()
    done: list[Completion] = []
    read: list[int] = []
    for question in QUESTIONS:
        request = turn(opening, history, question)
        completion = conversation.complete(request) if is_kept else engine.complete([request])[0]
        asked = request.prompt.opening if not history else question
        history.append(Exchange(asked, completion.text))
        done.append(completion)
        read.append(engine.last_tally.num_prefill_tokens)
    conversation.close()
    return done, read


@pytest.mark.parametrize("backbone", ["llama", "mistral", "mistral-window", "yi"])
def test_turns_answer_as_a_fresh_reading_does(backbone: str) -> None:
    kept, kept_read = talk(backbone, is_kept=True)
    fresh, fresh_read = talk(backbone, is_kept=False)
    assert [(one.text, one.trace.ends) for one in kept] == [(one.text, one.trace.ends) for one in fresh]
    assert kept_read[0] == fresh_read[0]
    # The page and all that was asked before is there; only the last answer and the new question are read.
    for turns, (few, all_of_it) in enumerate(zip(kept_read[1:], fresh_read[1:], strict=True)):
        assert few < all_of_it - 0.9 * fresh_read[turns]


def test_a_conversation_longer_than_its_memory_goes_on_in_a_larger_one() -> None:
    kept, read = talk("llama", is_kept=True, max_new_tokens=400)
    fresh, _ = talk("llama", is_kept=False, max_new_tokens=400)
    assert [one.text for one in kept] == [one.text for one in fresh]
    assert kept[-1].num_prompt_tokens > 512 > read[-1]


def test_another_page_is_read_afresh() -> None:
    engine = engine_of(model_of("llama"))
    conversation = engine.converse()
    for number in (0, 1, 0):
        request = ask(QUESTIONS[0], PAGES[number])
        assert conversation.complete(request).text == engine.complete([request])[0].text
        assert engine.last_tally.num_shared_tokens == 0


def test_batches_between_turns_change_nothing() -> None:
    engine = engine_of(model_of("llama"))
    conversation = engine.converse()
    request = ask(QUESTIONS[0], PAGES[1])
    first = conversation.complete(request)
    engine.complete([ask(text, PAGES[2]) for text in TEXTS])
    again = conversation.complete(request)
    assert (again.text, engine.last_tally.num_tiles) == (first.text, 0)
    assert engine.last_tally.num_prefill_tokens == 1


def test_a_prompt_too_long_leaves_the_conversation_open() -> None:
    engine = engine_of(model_of("llama"))
    conversation = engine.converse()
    request = ask(QUESTIONS[0], PAGES[1])
    first = conversation.complete(request)
    error = conversation.complete(replace(request, prompt=Prompt("<image>\n" + "word " * 2000))).error
    assert error is not None and error.reason == "PromptTooLong"
    assert conversation.complete(request).text == first.text


def test_an_engine_that_keeps_nothing_is_asked_all_the_same() -> None:
    engine = ScriptedEngine(lambda request: f"{len(request.prompt.history)} before")
    assert not isinstance(engine, Conversing)
    conversation = open_conversation(engine)
    request = ask("", PAGES[1])
    assert conversation.complete(replace(request, prompt=Prompt("b", history=(Exchange("a", "1"),)))).text == "1 before"


@pytest.mark.parametrize("dialect", ["openai", "vllm", "ollama"])
def test_a_server_is_told_every_turn_and_the_image_once(dialect: str) -> None:
    history = (Exchange("<image>\ntotal?", "5 EUR"), Exchange("sure?", "yes </s>"))
    request = replace(ask("", PAGES[1]), prompt=Prompt("and who? <image>", history=history))
    messages = dialect_named(dialect).body(request, model="m", images=["aW1hZ2U="])["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant", "user"]
    assert str(messages).count("aW1hZ2U=") == 1
    assert [message["content"] for message in messages[1:]] == ["5 EUR", "sure?", "yes < /s>", "and who? < image>"]


def test_what_was_said_before_is_part_of_what_an_answer_is_kept_under() -> None:
    request = ask("total", PAGES[1])
    keys = {
        answer_key(replace(request, prompt=Prompt("<image>", history=history)), PROFILE, schema_fingerprint="s")
        for history in ((), (Exchange("a", "b"),), (Exchange("a", "c"),))
    }
    assert len(keys) == 3
