"""Known answers are used again, and never where they should not be; on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from llava_ocr.cached import CachedEngine, Lookups
from llava_ocr.db import answers as answers_module
from llava_ocr.db.answers import Answer, Answers, Scope, Use
from llava_ocr.db.erase import erase_document
from llava_ocr.db.link_rows import ANSWER_USES, ANSWERS
from llava_ocr.db.session import Database, open_database
from llava_ocr.engines.base import Completion, Request, StopReason, TokenTrace
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import EngineTimeout
from llava_ocr.prompts import Prompt
from llava_ocr.question import Question
from llava_ocr.schema import DocumentPart, DocumentSchema, Text, read, rows
from tests.fakes import raster

SCOPE = Scope("engine-1", "schema-1")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with open_database(url) as database:
        database.upgrade()
        yield database


@pytest.fixture
def answers(db: Database) -> Answers:
    return Answers(db, limit_bytes=2**20)


class Row(DocumentPart):
    word: Text | None = read("A word")


class CountingEngine(ScriptedEngine):
    """Counts what it is asked, and says where each answer's tokens end."""

    def __init__(self, **changes: object) -> None:
        super().__init__(lambda request: f'{{"said":"{request.prompt.user}"}}', **changes)
        self.asked: list[str] = []

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.asked += [request.id for request in requests]
        trace = TokenTrace((3, 7), (-0.1, -1 / 3), (False, True))
        return [replace(one, trace=trace) for one in super().complete(requests)]


def request(id: str, words: str = "words", document_id: str = "d1") -> Request:
    return Request(id, Prompt(words), (raster(),), None, 100, document_id=document_id)


class Note(DocumentSchema):
    """What is said."""

    said: Text | None = read("What is said")
    rows_: list[Row] = rows("Rows", max_rows=9)


QUESTION = Question.about(Note, max_new_tokens=100)


def cached(answers: Answers, engine: ScriptedEngine | None = None, **changes: object) -> CachedEngine:
    return CachedEngine(engine or CountingEngine(), answers, replace(QUESTION, **changes))


def count(db: Database, table: object = ANSWERS) -> int:
    with db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_known_answer_is_the_engine_s_own(answers: Answers) -> None:
    engine = CountingEngine()
    [first] = cached(answers, engine).complete([request("one")])
    [second] = cached(answers, engine).complete([request("two")])
    assert engine.asked == ["one"]
    assert first.saved_s is None and second.saved_s is not None
    assert replace(second, request_id="one", saved_s=None) == first


def test_hits_and_misses_come_back_in_order(answers: Answers) -> None:
    engine, seen = CountingEngine(), []
    cached(answers, engine).complete([request("a", "A"), request("c", "C")])
    counting = CachedEngine(engine, answers, QUESTION, count=seen.append)
    found = counting.complete([request(name, name.upper()) for name in "dcba"])
    assert [one.request_id for one in found] == ["d", "c", "b", "a"]
    assert [one.text for one in found] == [f'{{"said":"{name}"}}' for name in "DCBA"]
    assert seen == [Lookups(2, 2)] and engine.asked == ["a", "c", "d", "b"]


def test_equal_pages_of_one_batch_are_asked_once(db: Database, answers: Answers) -> None:
    engine = CountingEngine()
    found = cached(answers, engine).complete([request("a", document_id="d1"), request("b", document_id="d2")])
    assert engine.asked == ["a"]
    assert found[0].text == found[1].text and [one.saved_s is None for one in found] == [True, False]
    assert count(db, ANSWER_USES) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"prompt": Prompt("other words")},
        {"prompt": Prompt("words", system="other")},
        {"rasters": (raster(16),)},
        {"max_new_tokens": 101},
        {"rasters": (raster(), raster())},
    ],
)
def test_whatever_changes_the_answer_asks_anew(answers: Answers, changed: dict[str, object]) -> None:
    engine = CountingEngine()
    cached(answers, engine).complete([request("one")])
    cached(answers, engine).complete([replace(request("two"), **changed)])
    assert engine.asked == ["one", "two"]


def test_one_pixel_is_enough(answers: Answers) -> None:
    engine, page = CountingEngine(), raster()
    page.overview_HWC[0, 0, 0] = 254
    cached(answers, engine).complete([request("one")])
    cached(answers, engine).complete([replace(request("two"), rasters=(page,))])
    assert engine.asked == ["one", "two"]


def test_no_other_engine_or_schema_is_served(answers: Answers) -> None:
    other = CountingEngine(profile=replace(PROFILE, fingerprint="other"))
    engine = CountingEngine()
    cached(answers, engine).complete([request("one")])
    cached(answers, other).complete([request("two")])
    cached(answers, engine, asked_fingerprint="schema-2").complete([request("three")])
    assert (engine.asked, other.asked) == (["one", "three"], ["two"])


def test_an_answer_under_a_wrong_key_is_not_taken(answers: Answers) -> None:
    answers.put({"k": Answer(b"x", 1.0)}, [Use("k", "d1")], SCOPE)
    assert answers.get([Use("k", "d1")], replace(SCOPE, engine_fingerprint="other")) == {}
    assert answers.get([Use("k", "d1")], replace(SCOPE, schema_fingerprint="other")) == {}
    assert answers.get([Use("k", "d1")], SCOPE) == {"k": Answer(b"x", 1.0)}


@pytest.mark.parametrize("text", ["", "no json", '{"said":', '{"other":1}', '{"said":"cut in the mi'])
def test_failed_and_useless_answers_are_not_kept(db: Database, answers: Answers, text: str) -> None:
    bad = ScriptedEngine(lambda request: text, failures={"a": EngineTimeout("late")})
    found = cached(answers, bad).complete([request("a", "A"), request("b", "B")])
    assert found[0].error is not None and found[1].text == text
    assert count(db) == 0


def test_an_answer_cut_inside_a_list_is_kept_with_what_ended_it(db: Database, answers: Answers) -> None:
    long = '{"said":"x","rows_":[{"word":"y"},{"word":"z"}]}' + " " * 70
    engine = ScriptedEngine(lambda request: long, cut=frozenset({"a"}))
    cached(answers, engine).complete([request("a", "A")])
    [known] = cached(answers, engine).complete([request("again", "A")])
    assert known.saved_s is not None and known.stop_reason is StopReason.LENGTH


def test_a_damaged_answer_is_thrown_out(db: Database, answers: Answers) -> None:
    engine = CountingEngine()
    cached(answers, engine).complete([request("one")])
    with db.writing() as connection:
        connection.execute(update(ANSWERS).values(payload=b"{}"))
    [found] = cached(answers, engine).complete([request("two")])
    assert engine.asked == ["one", "two"] and found.saved_s is None
    assert cached(answers, engine).complete([request("three")])[0].saved_s is not None


def test_erasing_a_document_takes_its_answers(db: Database, answers: Answers) -> None:
    engine = CountingEngine()
    cached(answers, engine).complete([request("one", document_id="d1")])
    cached(answers, engine).complete([request("two", document_id="d2"), request("other", "else", document_id="d2")])
    erased = erase_document(db, "d1", who="test", reason="asked")
    assert erased.counts["answer_uses"] == 1 and not erased.left
    assert (count(db), count(db, ANSWER_USES)) == (1, 1)


def test_an_erased_document_is_neither_answered_nor_kept(db: Database, answers: Answers) -> None:
    engine = CountingEngine()
    cached(answers, engine).complete([request("one", document_id="d1")])
    erase_document(db, "d1", who="test", reason="asked")
    cached(answers, engine).complete([request("again", document_id="d1")])
    assert count(db) == 0
    cached(answers, engine).complete([request("theirs", document_id="d2")])
    cached(answers, engine).complete([request("still", document_id="d1")])
    assert engine.asked == ["one", "again", "theirs", "still"]


def test_an_erasure_under_way_lets_nothing_slip_in(db: Database, answers: Answers) -> None:
    answers.put({"k": Answer(b"x", 1.0)}, [Use("k", "d1")], SCOPE)
    names = [f"k{number}" for number in range(20)]
    writers = [
        threading.Thread(target=answers.put, args=({name: Answer(b"x", 1.0)}, [Use(name, "d1")], SCOPE))
        for name in names
    ]
    for number, writer in enumerate(writers):
        writer.start()
        if number == 10:
            erase_document(db, "d1", who="test", reason="asked")
    for writer in writers:
        writer.join()
    assert count(db) == 0


def test_room_is_bounded_and_the_longest_unused_goes_first(db: Database) -> None:
    limit = 20 * (1_000 + answers_module.ROW_BYTES)
    answers = Answers(db, limit_bytes=limit)
    for number in range(60):
        name = f"k{number:02}"
        answers.put({name: Answer(bytes(1_000), 1.0)}, [Use(name, "d1")], SCOPE)
        answers.get([Use("k00", "d1")], SCOPE)
    with db.reading() as connection:
        kept = set(connection.execute(select(ANSWERS.c.key)).scalars())
    assert 16 <= len(kept) <= 20 and {"k00", "k59"} <= kept and "k01" not in kept


def test_pruning_by_bytes_age_and_engine(answers: Answers) -> None:
    for engine in ("one", "other"):
        keys = {f"{engine}{number}": Answer(b"x", 1.0) for number in range(3)}
        answers.put(keys, [Use(key, "d1") for key in keys], Scope(engine, "schema-1"))
    assert answers.prune(max_age=timedelta(hours=1)) == 0
    assert answers.prune(engine_fingerprint="oth") == 3
    assert answers.prune(max_bytes=2 * (1 + answers_module.ROW_BYTES)) == 1
    assert answers.prune(max_age=timedelta(0)) == 2


def test_what_is_kept_is_told(answers: Answers) -> None:
    answers.put({"k": Answer(b"x", 2.5)}, [Use("k", "d1")], SCOPE)
    for _ in range(2):
        answers.get([Use("k", "d1")], SCOPE)
    [kept] = answers.kept()
    assert (kept.scope, kept.num_answers, kept.num_hits, kept.saved_s) == (SCOPE, 1, 2, 5.0)
    assert kept.oldest_at <= kept.used_at


def test_two_processes_may_put_and_get_the_same(url: str, db: Database) -> None:
    errors: list[Exception] = []

    def use(number: int) -> None:
        try:
            with open_database(url) as own:
                answers = Answers(own, limit_bytes=30 * answers_module.ROW_BYTES)
                for index in range(30):
                    keys = [f"k{(index * step) % 17:02}" for step in (1, 2, 3)]
                    uses = [Use(key, f"d{number}") for key in keys]
                    answers.put({key: Answer(key.encode(), 1.0) for key in keys}, uses, SCOPE)
                    found = answers.get(uses, SCOPE)
                    assert all(found[key].payload == key.encode() for key in found)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_database_that_fails_only_costs_the_saving(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/a.db?timeout=0.1") as db:
        db.upgrade()
        answers, engine = Answers(db, limit_bytes=2**20), CountingEngine()
        with db.writing():
            [found] = cached(answers, engine).complete([request("one")])
        assert found.text and count(db) == 0
