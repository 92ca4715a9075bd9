"""What an engine is asked, and what the rulebook reads in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.engines.base import EngineProfile
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.extract import extract
from llava_ocr.prompts import AS_GUESSED, PromptForm
from llava_ocr.question import Question
from llava_ocr.records import Document, DocumentOutcome, FieldState
from schemas.invoice import Invoice
from tests.fakes import JsonReader, paper

FINDING = replace(PROFILE, prompt_form=PromptForm.FIND, reads_lists=False)
PAGE = """\
Invoice No: 4711

Description       Qty   Price    Amount
Widget large        2   10.00     20.00
Gadget              1    5.00      5.00

Total                             25.00"""


def read(folder: Path, said: str, *, profile: EngineProfile, page: str = PAGE) -> DocumentOutcome:
    path = folder / "page.json"
    path.write_bytes(paper(page))
    document = Document("0", path.as_uri(), path.stat().st_size, "application/json")
    question = Question.about(Invoice, max_new_tokens=64)
    engine = ScriptedEngine(lambda _: said, profile=profile)
    return extract(document, path, question, engine=engine, reader=JsonReader())


def test_a_field_that_is_as_guessed_has_the_guess_with_its_evidence(tmp_path: Path) -> None:
    [record] = read(tmp_path, json.dumps({"invoice_number": AS_GUESSED}), profile=FINDING).records
    [number] = [field for field in record.fields if field.path == "invoice_number"]
    assert (number.state, number.value) == (FieldState.VALUE, "4711")
    assert number.evidence is not None


def test_rules_read_the_lists_of_an_engine_that_reads_none(tmp_path: Path) -> None:
    [record] = read(tmp_path, "{}", profile=FINDING).records
    assert [str(row["line_total"]) for row in record.values["lines"]] == ["20.00", "5.00"]


def test_an_engine_that_reads_no_lists_is_not_asked_for_any(tmp_path: Path) -> None:
    [page] = read(tmp_path, json.dumps({"lines": []}), profile=FINDING).pages
    assert page.reason == "InvalidAnswer"
    assert read(tmp_path, json.dumps({"lines": []}), profile=PROFILE).records


@pytest.mark.parametrize("profile", [PROFILE, FINDING])
def test_a_page_without_words_has_no_guesses_and_no_rows(tmp_path: Path, profile: EngineProfile) -> None:
    [record] = read(tmp_path, "{}", profile=profile, page="").records
    assert record.values["lines"] == []


def test_an_engine_that_was_told_nothing_may_say_the_mark_itself(tmp_path: Path) -> None:
    [record] = read(tmp_path, json.dumps({"invoice_number": AS_GUESSED}), profile=PROFILE).records
    assert record.fields[0].text == AS_GUESSED


def test_a_code_whose_checksum_holds_is_not_denied(tmp_path: Path) -> None:
    page = PAGE + "\n\nDE89 3704 0044 0532 0130 00\n\n5 April 2024"
    [record] = read(tmp_path, json.dumps({"iban": None, "issue_date": None}), profile=FINDING, page=page).records
    assert record.values["iban"] == "DE89370400440532013000"
    # What proves nothing and stands beside no label may be denied.
    assert record.values["issue_date"] is None
