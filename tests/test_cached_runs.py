"""Runs that meet the same pages again: asked once, told in the run's figures, and never the wrong answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from llava_ocr.db.answers import Answers
from llava_ocr.db.erase import documents_named, erase_document
from llava_ocr.db.queries import find_records, summarize_run
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import EngineError
from llava_ocr.records import DocumentOutcome
from llava_ocr.run import ExtractOrder, end, listed
from llava_ocr.work import read
from tests.fakes import paper
from tests.runs import CountingStore, FakeServices, run_all, start


class AskedEngine(ScriptedEngine):
    """Counts the pages it is asked about; from the `breaks_after`th on it fails."""

    def __init__(self, *, breaks_after: int | None = None) -> None:
        super().__init__()
        self.num_asked = 0
        self.breaks_after = breaks_after

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        if self.breaks_after is not None and self.num_asked >= self.breaks_after:
            raise EngineError("gone")
        self.num_asked += len(requests)
        return super().complete(requests)


def services(folder: Path, engine: AskedEngine, *, cache_bytes: int = 2**20) -> FakeServices:
    return FakeServices(f"sqlite:///{folder / 'records.db'}", engine=engine, batch_size=1, cache_bytes=cache_bytes)


def store_of(**documents: bytes) -> CountingStore:
    store = CountingStore()
    for name, content in documents.items():
        store.put(name, content)
    return store


def resaved(*pages: str) -> bytes:
    """The same pages in other bytes."""
    return paper(*pages).replace(b"{", b"{ ")


def test_the_same_pages_in_other_bytes_are_asked_once(tmp_path: Path) -> None:
    engine = AskedEngine()
    own = services(tmp_path, engine)
    summary = run_all(
        own, store_of(a=paper("one", "two"), b=resaved("one", "two"), c=paper("three", "!blank")), tmp_path
    )
    assert engine.num_asked == 3
    assert (summary.savings.num_pages, summary.balance.documents_ok) == (2, 3)
    assert summarize_run(own.database, summary.run_id).savings == summary.savings
    own.close()


def test_known_answers_make_the_same_records(tmp_path: Path) -> None:
    own = services(tmp_path, AskedEngine())
    run_all(own, store_of(a=paper("Total 12.50"), b=resaved("Total 12.50")), tmp_path)
    [one], [other] = (find_records(own.database, name) for name in "ab")
    assert (one.fields, one.findings) == (other.fields, other.findings)
    own.close()


def test_without_the_cache_every_page_is_asked_about(tmp_path: Path) -> None:
    engine = AskedEngine()
    own = services(tmp_path, engine)
    store = store_of(a=paper("one"), b=resaved("one"))
    for use_cache, num_asked in ((False, 2), (True, 3), (True, 3), (False, 5)):
        order = ExtractOrder(source=str(tmp_path), schema_name="receipt", force=True, use_cache=use_cache)
        run = start(order, own, store)
        read(run, listed(run.order, run.source))
        end(run, seconds=0.0)
        assert engine.num_asked == num_asked
    own.close()


def test_no_room_means_no_cache(tmp_path: Path) -> None:
    engine = AskedEngine()
    own = services(tmp_path, engine, cache_bytes=0)
    run_all(own, store_of(a=paper("one"), b=resaved("one")), tmp_path)
    assert engine.num_asked == 2 and Answers(own.database, limit_bytes=0).kept() == []
    own.close()


def test_what_was_answered_before_a_breakdown_is_not_paid_for_again(tmp_path: Path) -> None:
    store = store_of(a=paper(*(f"page {number}" for number in range(20))))
    broken = services(tmp_path, AskedEngine(breaks_after=15))
    with pytest.raises(EngineError):
        run_all(broken, store, tmp_path)
    broken.close()
    engine = AskedEngine()
    own = services(tmp_path, engine)
    summary = run_all(own, store, tmp_path)
    assert (summary.balance.ok, engine.num_asked, summary.savings.num_pages) == (20, 5, 15)
    own.close()


def test_what_only_a_breakdown_left_behind_can_be_erased(tmp_path: Path) -> None:
    store = store_of(a=paper("one", "two", "three"))
    own = services(tmp_path, AskedEngine(breaks_after=2))
    with pytest.raises(EngineError):
        run_all(own, store, tmp_path)
    answers = Answers(own.database, limit_bytes=2**20)
    [kept] = answers.kept()
    document_id = hashlib.sha256(paper("one", "two", "three")).hexdigest()
    assert kept.num_answers == 2 and document_id in documents_named(own.database, document_id[:12])
    assert not erase_document(own.database, document_id, who="test", reason="asked").left
    assert answers.kept() == []
    own.close()


def test_an_erased_document_that_is_read_again_leaves_nothing(tmp_path: Path) -> None:
    store, own = store_of(a=paper("one")), services(tmp_path, AskedEngine())
    run_all(own, store, tmp_path)
    document_id = hashlib.sha256(paper("one")).hexdigest()
    erase_document(own.database, document_id, who="test", reason="asked")
    seen: list[DocumentOutcome] = []
    run_all(own, store, tmp_path, observe=seen.append)
    assert Answers(own.database, limit_bytes=2**20).kept() == []
    assert find_records(own.database, document_id) == []
    own.close()


def test_the_seconds_of_a_document_are_the_engine_s(tmp_path: Path) -> None:
    seen: list[DocumentOutcome] = []
    own = services(tmp_path, AskedEngine())
    run_all(own, store_of(a=paper("one"), b=resaved("one")), tmp_path, observe=seen.append)
    asked, known = sorted(seen, key=lambda outcome: -outcome.seconds["engine"])
    assert asked.seconds["engine"] > 0 == known.seconds["engine"]
    own.close()
