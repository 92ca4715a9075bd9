from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.store.memory import MemoryStore

from llava_ocr.engines.base import Completion, Request
from llava_ocr.errors import EngineUnavailable
from llava_ocr.extract import Question
from llava_ocr.pipeline import Line, extract_all
from llava_ocr.records import DocumentOutcome, PageState
from llava_ocr.schema import DocumentSchema, Text, read
from llava_ocr.store.base import Selection
from tests.fakes import JsonReader, paper


class Note(DocumentSchema):
    """A note."""

    title: Text | None = read("Its first line")


def line(store: MemoryStore) -> Line:
    return Line(
        store=store,
        reader=JsonReader(),
        engine=ScriptedEngine(),
        question=Question.about(Note, max_new_tokens=64),
        is_done=lambda _: False,
        max_bytes=10_000,
        passwords=(),
        num_fetchers=3,
        batch_size=4,
    )


def run(documents: dict[str, bytes], **changes: object) -> dict[str, DocumentOutcome]:
    store = MemoryStore()
    for key, data in documents.items():
        store.put(key, data)
    outcomes = list(extract_all(store.list(Selection()), replace(line(store), **changes)))
    assert len({outcome.uri for outcome in outcomes}) == len(outcomes)
    return {outcome.uri.rsplit("/", 1)[-1]: outcome for outcome in outcomes}


kinds = st.sampled_from(["hello", "!blank", "!broken"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(kinds, min_size=1, max_size=5), max_size=12))
def test_every_page_of_every_object_is_accounted_for(documents: list[list[str]]) -> None:
    found = run({f"{index:02}": paper(*pages) for index, pages in enumerate(documents)})
    assert len(found) == len(documents)
    for index, pages in enumerate(documents):
        outcome = found[f"{index:02}"]
        states = {"hello": PageState.OK, "!blank": PageState.SKIPPED, "!broken": PageState.FAILED}
        assert [page.state for page in outcome.pages] == [states[page] for page in pages]
        assert outcome.num_pages == len(pages)


def test_a_broken_document_does_not_stop_the_others() -> None:
    found = run({"a": paper("hello"), "b": b"rubbish", "c": paper("hello")})
    assert [found[key].is_ok for key in "abc"] == [True, False, True]
    assert found["b"].reason == "CorruptDocument"


def test_a_document_without_a_page_to_ask_about_has_no_record() -> None:
    found = run({"a": paper("!blank", "!blank")})
    assert found["a"].records == ()
    assert found["a"].is_ok


def test_a_done_document_is_kept_and_not_read() -> None:
    found = run({"a": paper("hello")}, is_done=lambda _: True)
    assert found["a"].is_kept
    assert found["a"].pages == ()


def test_an_object_over_the_size_limit_fails_alone() -> None:
    found = run({"a": paper("x" * 20_000), "b": paper("hello")})
    assert found["a"].reason == "DocumentTooLarge"
    assert found["b"].is_ok


class LostEngine(ScriptedEngine):
    """Answers the first batch and is gone after that."""

    def __init__(self) -> None:
        super().__init__()
        self.num_batches = 0

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.num_batches += 1
        if self.num_batches > 1:
            raise EngineUnavailable("gone")
        return super().complete(requests)


def test_a_lost_engine_ends_the_run_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with pytest.raises(EngineUnavailable):
        run({f"{index:03}": paper("hello") for index in range(40)}, engine=LostEngine())
    assert threading.active_count() == before


def test_a_mistake_of_ours_while_listing_is_raised_not_swallowed() -> None:
    store = MemoryStore()

    def infos():
        yield store.put("a", paper("hello"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(extract_all(infos(), line(store)))


def test_leaving_early_stops_the_line() -> None:
    store = MemoryStore()
    for index in range(50):
        store.put(f"{index:03}", paper("hello", "hello"))
    before = threading.active_count()
    outcomes = extract_all(store.list(Selection()), line(store))
    next(outcomes)
    outcomes.close()
    assert threading.active_count() == before
