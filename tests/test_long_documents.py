"""Documents of many pages: what was answered is kept, pixels go as soon as they are answered, no row is lost."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.cached import CachedEngine
from llava_ocr.db.answers import Answers
from llava_ocr.engines.base import Completion, EngineProfile, Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import EngineError
from llava_ocr.extract import extract
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.records import Document, DocumentOutcome, PageOutcome, PageState, WordReader
from llava_ocr.store.base import Selection
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.statement import paint_statement
from llava_ocr.synth.telling import say_truth, wrong_cells
from llava_ocr.words.layout import lay_out
from llava_ocr.work import num_asked_at_once
from schemas.statement import Statement
from tests.fakes import JsonReader, paper, raster
from tests.runs import CountingStore, FakeServices, run_all
from tests.test_cached_runs import AskedEngine, services

RULES = replace(PROFILE, name="rules", reads_lists=False)


def test_a_document_killed_on_page_250_goes_on_there(tmp_path: Path) -> None:
    store = CountingStore()
    store.put("long", paper(*(f"page {number}" for number in range(300))))
    broken = services(tmp_path, AskedEngine(breaks_after=249))
    with pytest.raises(EngineError):
        run_all(broken, store, tmp_path)
    broken.close()
    engine = AskedEngine()
    own = services(tmp_path, engine)
    summary = run_all(own, store, tmp_path)
    assert (summary.balance.ok, engine.num_asked, summary.savings.num_pages) == (300, 51, 249)
    own.close()


class SeenRasters(ScriptedEngine):
    """Notes how many of the rasters it ever saw are still alive."""

    def __init__(self, *, max_pages: int = 1) -> None:
        super().__init__(profile=replace(PROFILE, max_pages=max_pages))
        self.seen: list[weakref.ref[object]] = []
        self.most = 0

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.seen += [weakref.ref(one) for request in requests for one in request.rasters]
        self.most = max(self.most, sum(one() is not None for one in self.seen))
        return super().complete(requests)


@pytest.mark.parametrize("max_pages", [1, 4])
@pytest.mark.parametrize("num_pages", [40, 120])
def test_pixels_go_as_soon_as_they_are_answered(tmp_path: Path, num_pages: int, max_pages: int) -> None:
    engine = SeenRasters(max_pages=max_pages)
    own = FakeServices(f"sqlite:///{tmp_path / 'a.db'}", engine=engine, batch_size=2)
    store = CountingStore()
    store.put("long", paper(*(f"page {number}" for number in range(num_pages))))
    run_all(own, store, tmp_path)
    own.close()
    # Only what is being answered, however long the document is.
    assert len(engine.seen) == num_pages and engine.most <= 2 * num_asked_at_once(2) * max_pages


class PaintedReader(JsonReader):
    """Reads a painted document as its own text layer, without drawing it."""

    def __init__(self, document: PaintedDocument) -> None:
        self._document = document

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        return len(self._document.pages)

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        for index, page in enumerate(self._document.pages):
            layout = lay_out(page.words, aspect=page.width_pt / page.height_pt)
            yield PageRead(PageOutcome(index, PageState.OK), raster(), layout, WordReader.TEXT_LAYER)


def read_painted(painted: PaintedDocument, engine: ScriptedEngine, *, max_new_tokens: int = 2048) -> DocumentOutcome:
    question = Question.about(Statement, max_new_tokens=max_new_tokens)
    document = Document("0", "file:///statement.pdf", 0, "application/pdf")
    return extract(document, Path("statement.pdf"), question, engine=engine, reader=PaintedReader(painted))


def assert_whole(painted: PaintedDocument, outcome: DocumentOutcome) -> None:
    [record] = outcome.records
    assert len(record.values["entries"]) == len(painted.truth["entries"])
    assert not wrong_cells(painted, record.values, "entries")
    assert not [finding for finding in record.findings if finding.check in ("list_incomplete", "list_cut")]


@pytest.mark.parametrize("seed", range(8))
def test_rules_read_every_cell_of_a_long_statement(seed: int) -> None:
    painted = paint_statement(seed, num_bookings=120, rows_per_page=20)
    assert_whole(painted, read_painted(painted, ScriptedEngine(profile=RULES)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 9, 11])
def test_a_thousand_rows_come_back_by_rules_and_by_an_engine_that_reads(seed: int) -> None:
    painted = paint_statement(seed, num_bookings=1_000, rows_per_page=34)
    assert len(painted.pages) >= 30
    for engine in (ScriptedEngine(profile=RULES), ScriptedEngine(say_truth(painted))):
        assert_whole(painted, read_painted(painted, engine))


@pytest.mark.parametrize(
    "profile",
    [PROFILE, replace(PROFILE, max_pages=4), replace(PROFILE, context_tokens=4_096)],
    ids=["one page", "several pages", "short context"],
)
@pytest.mark.parametrize("seed", [1, 3, 11])
def test_whatever_the_windows_the_rows_are_the_same(profile: EngineProfile, seed: int) -> None:
    painted = paint_statement(seed, num_bookings=90, rows_per_page=24)
    assert_whole(painted, read_painted(painted, ScriptedEngine(say_truth(painted), profile=profile)))


class Cut(ScriptedEngine):
    """Ends every answer after so many characters, as a limit on new tokens does."""

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            replace(done, text=done.text[:1_500], stop_reason=done.stop_reason.LENGTH)
            if len(done.text) > 1_500
            else done
            for done in super().complete(requests)
        ]


@pytest.mark.parametrize("seed", [1, 3])
def test_a_limit_on_answers_loses_no_row(seed: int) -> None:
    painted = paint_statement(seed, num_bookings=60, rows_per_page=30)
    assert_whole(painted, read_painted(painted, Cut(say_truth(painted))))


def test_a_statement_without_a_balance_column_has_no_balances() -> None:
    seeds = (seed for seed in range(30))
    painted = next(
        one
        for one in (paint_statement(seed, num_bookings=30) for seed in seeds)
        if all(row["balance"] is None for row in one.truth["entries"])
    )
    [record] = read_painted(painted, ScriptedEngine(profile=RULES)).records
    assert {row["balance"] for row in record.values["entries"]} == {None}


def test_parts_of_a_page_are_kept_answers_too(tmp_path: Path) -> None:
    """A cut, and then a band, are asked for once, whoever reads the page next."""
    lines = [f"{day:02}.03.2024   Purchase{day:02}   {day + 10}.50" for day in range(1, 25)]
    page = "\n".join(["Total lines", "", "Date         Details      Amount", *lines])

    class Short(AskedEngine):
        def complete(self, requests: Sequence[Request]) -> list[Completion]:
            return [
                replace(done, text=self._text(one))
                for one, done in zip(requests, super().complete(requests), strict=True)
            ]

        def _text(self, request: Request) -> str:
            said = [line.split() for line in request.prompt.user.split("\n") if "Purchase" in line]
            rows = [{"description": words[1], "amount": words[2]} for words in said]
            return json.dumps({"entries": rows[:10] if len(rows) > 20 else rows})

    engine = Short()
    store = CountingStore()
    store.put("a", paper(page))
    store.put("b", paper(page).replace(b"{", b"{ "))
    question = Question.about(Statement, max_new_tokens=2048)
    own = services(tmp_path, engine)

    cached = CachedEngine(engine, Answers(own.database, limit_bytes=2**20), question)
    for info in store.list(Selection()):
        path = tmp_path / info.key
        store.fetch(info, path, max_bytes=2**20)
        document = Document(info.key, info.uri, 0, "application/json")
        outcome = extract(document, path, question, engine=cached, reader=JsonReader())
        assert len(outcome.records[0].values["entries"]) == 24
    assert engine.num_asked == 2
    own.close()
