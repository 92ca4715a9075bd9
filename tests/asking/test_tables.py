"""The table of answers, its journal, and questions out of files; tables that stand in columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.asking.answers import AnswerState
from llava_ocr.asking.documents import objects, prepare
from llava_ocr.asking.order import AskOrder
from llava_ocr.asking.questions_file import BadQuestions, read_questions
from llava_ocr.asking.table import COLUMNS, BadJournal, Tally, journal_of, write_answers
from llava_ocr.asking.tables import find_tables
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import EngineUnavailable
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.words.layout import lay_out
from tests.asking.scripts import INVOICE
from tests.fakes import ASPECT, JsonReader, paper, words_of


class Counting(ScriptedEngine):
    """Answers by the page's number, and counts; its server is gone after so many answers."""

    def __init__(self, *, lives: int = 1_000) -> None:
        super().__init__(lambda request: json.dumps({"answer": "4711" if "Number" in request.prompt.user else None}))
        self.lives, self.num_asked = lives, 0

    def complete(self, requests: list[Request]) -> list[Completion]:  # type: ignore[override]
        self.num_asked += len(requests)
        if self.num_asked > self.lives:
            raise EngineUnavailable("gone")
        return super().complete(requests)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "inbox"
    place.mkdir()
    for number in range(3):
        (place / f"{number}.json").write_bytes(paper(f"{INVOICE}\npaper {number}"))
    (place / "broken.json").write_bytes(b"no paper")
    return place


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = Services(override(Settings(), db=f"sqlite:///{tmp_path}/answers.db", engine="scripted"))
    made.__dict__["reader"], made.__dict__["engine"] = JsonReader(), Counting()
    yield made
    made.close()


def written(folder: Path, services: Services, out: Path, **changes: object) -> Tally:
    order = AskOrder.model_validate({"source": str(folder), "questions": ("Number?", "Weight?"), **changes})
    store, infos = objects(order, services)
    return write_answers(prepare(order, services), infos, store, services, out=out)


def test_there_is_a_row_for_each_question_to_each_document(folder: Path, services: Services, tmp_path: Path) -> None:
    tally = written(folder, services, tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 8
    assert [row["state"] for row in rows] == ["answered", "absent"] * 3 + ["failed"] * 2
    assert {row["reason"] for row in rows if row["state"] == "failed"} == {"CorruptDocument"}
    assert [row["answer"] for row in rows if row["question"] == "Number?"][:3] == ["4711"] * 3
    assert (tally.num_documents, tally.num_known, tally.num_failed) == (4, 0, 2)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx"])
def test_every_format_holds_the_same_rows(folder: Path, services: Services, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    written(folder, services, out)
    if ending == "parquet":
        assert pl.read_parquet(out).select("question", "state").height == 8
    elif ending == "jsonl":
        assert [json.loads(line)["state"] for line in out.read_text().splitlines()].count("answered") == 3
    else:
        assert out.stat().st_size > 500


def test_a_table_that_was_broken_off_goes_on_and_tries_failures_again(
    folder: Path, services: Services, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    services.__dict__["engine"] = Counting(lives=4)
    with pytest.raises(EngineUnavailable):
        written(folder, services, out, use_cache=False)
    assert not out.exists()
    services.__dict__["engine"] = Counting()
    services.__dict__.pop("metered")
    tally = written(folder, services, out, use_cache=False)
    assert (tally.num_documents, tally.num_known) == (4, 2)
    assert services.engine.num_asked == 2  # type: ignore[attr-defined]
    assert (written(folder, services, out, use_cache=False).num_known, tally.num_failed) == (3, 2)


def test_other_questions_or_another_manner_are_asked_anew(folder: Path, services: Services, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    written(folder, services, out)
    assert written(folder, services, out, questions=("Number?",)).num_known == 3
    assert written(folder, services, out, min_confidence=0.9).num_known == 0
    assert written(folder, services, out, questions=("Colour?",)).num_known == 0


def test_known_answers_are_not_asked_of_the_engine(folder: Path, services: Services, tmp_path: Path) -> None:
    written(folder, services, tmp_path / "one.csv")
    first = services.engine.num_asked  # type: ignore[attr-defined]
    written(folder, services, tmp_path / "two.csv")
    assert (first, services.engine.num_asked) == (6, 6)  # type: ignore[attr-defined]


def test_a_cut_last_line_of_the_journal_costs_one_document(folder: Path, services: Services, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    written(folder, services, out)
    text = journal_of(out).read_text(encoding="utf-8")
    whole = text.splitlines(keepends=True)
    journal_of(out).write_text("".join(whole[:2]) + whole[2][:20], encoding="utf-8")
    assert written(folder, services, out).num_known == 2
    assert written(folder, services, out).num_known == 3
    journal_of(out).write_text("nonsense\n" + text, encoding="utf-8")
    with pytest.raises(BadJournal, match="line 1"):
        written(folder, services, out)


def test_a_schema_alone_asks_for_all_its_fields(folder: Path, services: Services, tmp_path: Path) -> None:
    order = AskOrder(source=str(folder), schema_name="receipt")
    assert prepare(order, services).questions == ("merchant_name", "merchant_address", "date", "total")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, "nothing to ask"),
        ({"questions": ("a",), "questions_file": "b.txt"}, "not both"),
        ({"questions": ("",)}, "at least 1 character"),
        ({"questions": ("a",), "page": 0}, "greater than or equal to 1"),
        ({"questions": ("a",), "min_confidence": 2}, "less than or equal to 1"),
        ({"questions": ("a",), "is_free": True, "schema_name": "invoice"}, "can't be free"),
        ({"questions": ("a",), "mood": "good"}, "Extra inputs"),
    ],
)
def test_an_order_that_can_t_be_is_refused(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        AskOrder.model_validate({"source": "inbox", **changes})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.txt", "# usual\nWho?\n\nWhen?\nWho?\n"),
        ("q.csv", "id,question\n1,Who?\n2,When?\n"),
        ("q.json", '["Who?", {"question": "When?"}]'),
    ],
)
def test_questions_come_in_three_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert read_questions(tmp_path / name) == ("Who?", "When?")


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("q.txt", "\n# nothing\n", "no question"),
        ("q.csv", "id,text\n1,Who?\n", "no column 'question'"),
        ("q.json", '{"question": "Who?"}', "no list"),
        ("q.json", "[1]", "entry 0"),
        ("q.json", "[", "no JSON"),
    ],
)
def test_a_file_of_no_questions_says_what_is_wrong(tmp_path: Path, name: str, text: str, fault: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadQuestions, match=fault):
        read_questions(tmp_path / name)


cells = st.integers(1, 9).map(lambda n: f"w{n * 111}")


@settings(deadline=None)
@given(st.integers(3, 6).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=3, max_size=9)))
def test_a_table_in_columns_comes_back_whole(rows: list[list[str]]) -> None:
    names = [f"head{chr(97 + number)}" for number in range(len(rows[0]))]
    text = "\n".join("".join(f"{cell:<14}" for cell in row) for row in (names, *rows))
    [table] = find_tables(lay_out(words_of(text), aspect=ASPECT))
    assert table.columns == tuple(names)
    assert table.rows == tuple(tuple(row) for row in rows)


def test_labels_and_values_are_no_table() -> None:
    text = "Number:   4711\nDate:     2026-03-05\nTotal:    25.00\nDear Sir or Madam,\nplease pay."
    assert find_tables(lay_out(words_of(text), aspect=ASPECT)) == []


def test_states_are_counted_by_name() -> None:
    assert [state.value for state in AnswerState] == ["answered", "absent", "free", "failed"]
