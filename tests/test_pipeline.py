from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import EngineUnavailable, RasterCrash
from llava_ocr.pipeline import Line, extract_all
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.records import DocumentOutcome, PageState
from llava_ocr.schema import DocumentSchema, Text, read
from llava_ocr.store.base import Selection
from llava_ocr.store.memory import MemoryStore
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


class LyingReader(JsonReader):
    """Says that a document has `said` pages, and may break off at one."""

    def __init__(self, said: int, *, breaks_at: int | None = None) -> None:
        self._said = said
        self._breaks_at = breaks_at

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        return self._said

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        for index, page in enumerate(super().read(path, passwords)):
            if index == self._breaks_at:
                raise RasterCrash("gone")
            yield page


@pytest.mark.parametrize(("said", "num_failed"), [(5, 3), (2, 0), (1, 0)])
def test_a_wrong_page_count_loses_no_page(said: int, num_failed: int) -> None:
    outcome = run({"a": paper("one", "two")}, reader=LyingReader(said))["a"]
    assert [page.page_index for page in outcome.pages] == list(range(max(said, 2)))
    assert [page.reason for page in outcome.pages] == [""] * 2 + ["CorruptDocument"] * num_failed
    assert outcome.num_pages == len(outcome.pages)


def test_pages_answered_before_a_document_broke_off_are_kept() -> None:
    outcome = run({"a": paper("one", "two", "three", "four")}, reader=LyingReader(4, breaks_at=2))["a"]
    assert [page.reason for page in outcome.pages] == ["", "", "RasterCrash", "RasterCrash"]
    assert len(outcome.records) == 1
    assert not outcome.is_ok


def test_a_document_without_questions_is_out_before_the_engine_fails() -> None:
    store = MemoryStore()
    store.put("a", b"rubbish")
    store.put("b", paper("hello"))
    lost = LostEngine()
    lost.num_batches = 1
    outcomes = extract_all(store.list(Selection()), replace(line(store), engine=lost, num_fetchers=1))
    assert next(outcomes).reason == "CorruptDocument"
    with pytest.raises(EngineUnavailable):
        next(outcomes)


def test_a_mistake_of_ours_in_a_reading_thread_is_raised_not_swallowed() -> None:
    def is_done(_: object) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run({"a": paper("hello"), "b": paper("hello")}, is_done=is_done)


class UnevenEngine(ScriptedEngine):
    """Takes long over every fourth request, as a server does; counts how many it has at once."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.at_once: list[int] = []
        self.num_open = 0

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        with self.lock:
            self.num_open += 1
            self.at_once.append(self.num_open)
            is_slow = len(self.at_once) % 4 == 1
        time.sleep(0.2 if is_slow else 0.02)
        with self.lock:
            self.num_open -= 1
        return super().complete(requests)


def test_a_server_s_slow_page_keeps_no_place_of_others_empty() -> None:
    engine = UnevenEngine()
    found = run(
        {f"{index:02}": paper("hello", "hello") for index in range(20)}, engine=engine, batch_size=1, num_askers=4
    )
    assert all(outcome.is_ok for outcome in found.values())
    assert max(engine.at_once) == 4
    # Every start after the first few finds the other places taken.
    assert sum(engine.at_once[8:]) / len(engine.at_once[8:]) > 3


@settings(deadline=None, max_examples=15)
@given(st.lists(st.lists(kinds, min_size=1, max_size=4), max_size=10), st.integers(1, 5), st.integers(1, 3))
def test_every_page_is_accounted_for_however_many_ask(
    documents: list[list[str]], num_askers: int, batch_size: int
) -> None:
    papers = {f"{index:02}": paper(*pages) for index, pages in enumerate(documents)}
    found = run(papers, num_askers=num_askers, batch_size=batch_size)
    assert {key: len(outcome.pages) for key, outcome in found.items()} == {
        f"{index:02}": len(pages) for index, pages in enumerate(documents)
    }


def test_a_server_lost_among_several_requests_ends_the_run_and_leaves_no_thread_for_long() -> None:
    before = threading.active_count()
    with pytest.raises(EngineUnavailable):
        run({f"{index:03}": paper("hello") for index in range(40)}, engine=LostEngine(), num_askers=4)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
