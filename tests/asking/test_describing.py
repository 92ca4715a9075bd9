"""Descriptions: a model's words are told as such, data stands on the page, and rules say only what they found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llava_ocr.asking.answering import CantSpeak
from llava_ocr.asking.describing import DescribeKind, Description, MadeBy, describe_pages
from llava_ocr.asking.facts import Facts, alt_text, caption, facts_of
from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import Engine, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import EngineTimeout
from llava_ocr.words.layout import lay_out
from tests.asking.scripts import FILLING, INVOICE, pages_of
from tests.fakes import ASPECT, words_of

CATALOG = Catalog()


def described(folder: Path, kind: DescribeKind, engine: Engine, *texts: str) -> list[Description]:
    pages = pages_of(folder, *texts)
    return describe_pages(pages, kind, engine, num_pages=len(pages), catalog=CATALOG)


@pytest.mark.parametrize("kind", ["caption", "alt", "detailed", "diagram"])
def test_a_model_s_own_words_are_told_as_such(tmp_path: Path, kind: str) -> None:
    engine = ScriptedEngine(lambda request: f" {request.grammar} ")
    [one] = described(tmp_path, DescribeKind(kind), engine, INVOICE)
    assert (one.made_by, one.text) == (MadeBy.MODEL, "None")
    assert "not evidenced" in one.message


def test_what_a_chart_does_not_print_is_left_out(tmp_path: Path) -> None:
    points = [
        {"label": "North", "series": None, "value": "12.5"},
        {"label": "South", "series": None, "value": "99.9"},
        {"label": "Utopia", "series": None, "value": "77"},
    ]
    engine = ScriptedEngine(lambda _: json.dumps({"points": points}))
    [one] = described(tmp_path, DescribeKind.CHART, engine, "Sales\nNorth 12.5\nSouth 13.5")
    [table] = one.tables
    assert table.rows == (("North", None, "12.5"), ("South", None, None))
    assert (one.made_by, one.message) == (MadeBy.HELD, "3 cells that do not stand on the page were left out")


def test_a_table_is_read_under_the_headings_that_the_page_has(tmp_path: Path) -> None:
    def script(request: Request) -> str:
        assert request.grammar is not None
        if "columns" in request.grammar.json_schema["properties"]:
            return json.dumps({"columns": [{"name": "Description"}, {"name": "Amount"}]})
        return json.dumps({"rows": [{"column_1": "Gadget", "column_2": "5.00"}]})

    [one] = described(tmp_path, DescribeKind.TABLE, ScriptedEngine(script), INVOICE)
    [table] = one.tables
    assert (table.columns, table.rows) == (("Description", "Amount"), (("Gadget", "5.00"),))


def test_a_page_without_a_table_has_none(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: json.dumps({"columns": []}))
    [one] = described(tmp_path, DescribeKind.TABLE, engine, "Dear Ann")
    assert (one.tables, one.reason) == ((), "")


def test_a_failed_page_says_why_and_the_others_stand(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: "a page", failures={"page 0": EngineTimeout("late")})
    first, second = described(tmp_path, DescribeKind.CAPTION, engine, "one", "two")
    assert (first.reason, first.text) == ("EngineTimeout", "")
    assert second.text == "a page"


@pytest.mark.parametrize("kind", ["chart", "diagram", "detailed"])
def test_an_engine_that_can_t_speak_says_which_one_is_needed(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CantSpeak, match="needs an engine that speaks") as raised:
        described(tmp_path, DescribeKind(kind), ScriptedEngine(profile=FILLING), INVOICE)
    assert "endpoint" in raised.value.hint


def test_rules_caption_a_document_of_facts_and_say_so(tmp_path: Path) -> None:
    [one] = described(tmp_path, DescribeKind.CAPTION, ScriptedEngine(profile=FILLING), INVOICE, "Terms")
    assert one.text == "Invoice 4711, dated 2026-03-05, total 25.00, 2 pages with 1 table."
    assert (one.made_by, one.message) == (MadeBy.RULES, "composed of facts that rules found")


def test_rules_read_tables_of_known_papers_and_of_others(tmp_path: Path) -> None:
    engine = ScriptedEngine(profile=FILLING)
    [invoice] = described(tmp_path, DescribeKind.TABLE, engine, INVOICE)
    assert [row[-1] for row in invoice.tables[0].rows] == ["20.00", "5.00"]
    herbs = "Herb    Height   Colour\nsage    40cm     grey\nmint    30cm     green"
    [other] = described(tmp_path, DescribeKind.TABLE, engine, herbs)
    assert other.tables[0].rows == (("sage", "40cm", "grey"), ("mint", "30cm", "green"))


def test_of_a_page_of_no_known_kind_only_counts_are_said() -> None:
    layout = lay_out(words_of("zzz"), aspect=ASPECT)
    facts = facts_of({0: layout}, [CATALOG.get(name) for name in CATALOG.names()], num_pages=1)
    assert (facts.is_bare, caption(facts)) == (True, "A document of 1 page.")


def test_alternative_text_names_the_paper_first() -> None:
    assert alt_text(Facts("invoice", 1, 0, sender="Acme")) == "Page of an invoice from Acme."
    assert alt_text(Facts("", 3, 0)) == "Page of a document."
