import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from llava_ocr.engines.base import Completion, StopReason, TokenTrace
from llava_ocr.geometry import Turn
from llava_ocr.grounding.confidence import said_probability
from llava_ocr.grounding.read import AnsweredPage, ByRules, ReadRecord, read_record
from llava_ocr.records import FieldReading, FieldState, WordReader
from llava_ocr.review.status import status_of
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from tests.fakes import ASPECT, words_of


def page(text: str | None, *, index: int = 0, **answer: Any) -> AnsweredPage:
    layout = None if text is None else lay_out(words_of(text), aspect=ASPECT)
    reader = WordReader.NONE if text is None else WordReader.TEXT_LAYER
    completion = Completion(f"page {index}", json.dumps(answer, ensure_ascii=False), StopReason.END, 1, 1)
    return AnsweredPage(index, layout, reader, completion)


def field(record: ReadRecord, path: str) -> FieldReading:
    return next(reading for reading in record.fields if reading.path == path)


def test_values_are_typed_and_validate_with_the_schema() -> None:
    text = "Invoice Date 25/12/2024\nNet total 1.234,56\nSeller Deutschland"
    answer = {"issue_date": "25/12/2024", "net_total": "1.234,56", "seller": {"country": "Deutschland"}}
    values = read_record(Invoice, [page(text, **answer)]).values
    assert (values["issue_date"], values["net_total"]) == (date(2024, 12, 25), Decimal("1234.56"))
    assert Invoice.model_validate(values).seller.country == "DE"


def test_of_two_occurrences_the_one_beside_its_label_is_the_evidence() -> None:
    text = "Net total          100.00\nShipping             5.00\nGrand total        100.00"
    record = read_record(Invoice, [page(text, net_total="100.00", grand_total="100.00")])
    net, grand = field(record, "net_total").evidence, field(record, "grand_total").evidence
    assert net is not None and grand is not None
    assert net.boxes[0].y0 < grand.boxes[0].y0


def test_a_label_above_counts_when_none_stands_beside() -> None:
    text = "Opening   Grand total   Due\n\n50.00     50.00         7.00"
    evidence = field(read_record(Invoice, [page(text, grand_total="50.00")]), "grand_total").evidence
    assert evidence is not None
    assert evidence.boxes[0].x0 > 0.1


def test_a_value_over_two_lines_has_a_box_for_each() -> None:
    text = "Very Long Company\nName Limited"
    evidence = field(read_record(Invoice, [page(text, seller={"name": "Company Name"})]), "seller.name").evidence
    assert evidence is not None
    assert len(evidence.boxes) == 2


def test_a_word_broken_at_the_line_end_is_found() -> None:
    text = "Grosshandels-\ngesellschaft"
    reading = field(read_record(Invoice, [page(text, seller={"name": "Grosshandelsgesellschaft"})]), "seller.name")
    assert reading.state is FieldState.VALUE


def test_an_engine_without_a_grammar_may_say_a_value_in_another_form() -> None:
    text = "Invoice Date 25.12.2024\nGrand total 1.234,56 EUR\nIBAN DE89 3704 0044 0532 0130 00"
    answer = {"issue_date": "2024-12-25", "grand_total": "1234.56", "iban": "DE89370400440532013000"}
    record = read_record(Invoice, [page(text, **answer)])
    assert {field(record, path).state for path in answer} == {FieldState.VALUE}
    assert all(field(record, path).evidence for path in answer)


def test_a_multi_word_value_stuck_to_its_label_is_found() -> None:
    reading = field(read_record(Invoice, [page("Date:5. March 2024", issue_date="5. March 2024")]), "issue_date")
    assert reading.evidence is not None


def test_a_value_that_is_nowhere_on_the_page_is_ungrounded() -> None:
    reading = field(read_record(Invoice, [page("Hello there", seller={"name": "Nobody"})]), "seller.name")
    assert (reading.state, reading.evidence, reading.value) == (FieldState.UNGROUNDED, None, "Nobody")


def test_on_a_page_without_words_every_value_is_ungrounded() -> None:
    reading = field(read_record(Invoice, [page(None, net_total="12.00")]), "net_total")
    assert (reading.state, reading.value, reading.evidence) == (FieldState.UNGROUNDED, Decimal("12.00"), None)


def test_what_is_no_date_is_illegible() -> None:
    reading = field(read_record(Invoice, [page("32/13/2024", issue_date="32/13/2024")]), "issue_date")
    assert (reading.state, reading.value) == (FieldState.ILLEGIBLE, None)


def test_a_date_that_could_be_two_days_is_ambiguous() -> None:
    record = read_record(Invoice, [page("Date 03/04/2025", issue_date="03/04/2025")])
    reading = field(record, "issue_date")
    assert (reading.state, reading.value) == (FieldState.AMBIGUOUS, None)
    assert set(reading.candidates) == {"2025-04-03", "2025-03-04"}
    assert status_of(record.fields, record.findings).needs_review


def test_another_date_of_the_document_settles_an_ambiguous_one() -> None:
    record = read_record(Invoice, [page("Date 03/04/2025\nDue 25/04/2025", issue_date="03/04/2025")])
    assert field(record, "issue_date").value == date(2025, 4, 3)


def test_another_amount_of_the_document_settles_an_ambiguous_one() -> None:
    record = read_record(Invoice, [page("Net total 1.234\nTax 12,50", net_total="1.234")])
    assert field(record, "net_total").value == Decimal(1234)


def test_the_cells_of_equal_rows_stand_each_in_their_own_row() -> None:
    text = "Description     Qty     Amount\nTea             1       2.00\nTea             1       2.00"
    row = {"description": "Tea", "quantity": "1", "line_total": "2.00"}
    record = read_record(Invoice, [page(text, lines=[row, row])])
    tops = []
    for index in (0, 1):
        places = [field(record, f"lines[{index}].{name}").evidence for name in row]
        tops.append({round(place.boxes[0].y0, 3) for place in places if place is not None})
    assert [len(found) for found in tops] == [1, 1]
    assert max(tops[0]) < min(tops[1])


def test_checks_that_fail_are_findings_and_ask_for_review() -> None:
    text = "Net total 10.00\nVAT 2.00\nGrand total 13.00"
    record = read_record(Invoice, [page(text, net_total="10.00", tax_total="2.00", grand_total="13.00")])
    assert [finding.check for finding in record.findings] == ["totals"]
    assert status_of(record.fields, record.findings).needs_review


def test_forced_tokens_do_not_count_towards_probability() -> None:
    trace = TokenTrace(ends=(2, 4, 6), logprobs=(-1.0, 0.0, -3.0), forced=(False, True, False))
    assert said_probability(trace, 2, 4) == 1.0
    assert said_probability(trace, 0, 2) < 0.4


def test_a_cell_that_stands_far_from_its_row_is_doubtful_evidence() -> None:
    text = "Tea             1       2.00\n\n\n\n\nBalance         9.00"
    row = {"description": "Tea", "quantity": "1", "line_total": "9.00"}
    record = read_record(Invoice, [page(text, lines=[row])])
    near, far = field(record, "lines[0].quantity").evidence, field(record, "lines[0].line_total").evidence
    assert near is not None and far is not None
    assert far.score < near.score


def test_evidence_of_a_turned_page_is_on_the_page_as_it_is_shown() -> None:
    words = words_of("Grand total        100.00")
    upright = lay_out(words, aspect=ASPECT)
    completion = Completion("page 0", json.dumps({"grand_total": "100.00"}), StopReason.END, 1, 1)
    for turn in Turn:
        lying = replace(upright, turn=turn)
        answered = AnsweredPage(0, lying, WordReader.OCR, completion)
        evidence = field(read_record(Invoice, [answered]), "grand_total").evidence
        assert evidence is not None
        [amount] = [word.box for word in words if word.text == "100.00"]
        assert turn.box(evidence.boxes[0]).iou(amount) > 0.99


@pytest.mark.parametrize(
    ("path", "said", "guess", "wanted"),
    [
        # The model says nothing, and the rules read beside a label.
        ("invoice_number", None, "4711", "4711"),
        # An amount that no label speaks of gives way to one that a label does.
        ("grand_total", "1", "(1,080.00)", Decimal("-1080.00")),
        # Where both have labels, the model decides.
        ("grand_total", "20.00", "(1,080.00)", Decimal("20.00")),
        # What the rules read without a label is no better than what the model does.
        ("due_date", None, "3 March 2024", None),
        # A date in a letter's head has no label; another that has one need not be the letter's.
        ("issue_date", "3 March 2024", "5 April 2024", date(2024, 3, 3)),
    ],
)
def test_rules_are_taken_where_they_alone_read_beside_a_label(
    path: str, said: str | None, guess: str, wanted: object
) -> None:
    text = (
        "1 Example Road                    3 March 2024\n\nInvoice No: 4711\n\nDate: 5 April 2024\n\n"
        "Total       20.00\n\nGrand total (1,080.00)"
    )
    answered = replace(page(text, **{path: said}), by_rules=ByRules({path: guess}))
    assert field(read_record(Invoice, [answered]), path).value == wanted
