"""From answers to records: where values are found, what they mean, what is not known."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import Completion, StopReason, TokenTrace
from llava_ocr.errors import CutAnswer, InvalidAnswer
from llava_ocr.grounding.answer import parse_answer
from llava_ocr.grounding.confidence import UNKNOWN, said_probability
from llava_ocr.grounding.read import AnsweredPage, ReadRecord, read_record
from llava_ocr.prompts import empty_answer
from llava_ocr.records import FieldReading, FieldState, WordReader
from llava_ocr.review.status import status_of
from llava_ocr.schema import tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from tests.fakes import words_of

PAGE = """\
Acme Ltd                    Invoice No: 4711
12 High Street              Date: 25/12/2024
London                      Due Date: 03/01/2025

Description       Qty   Price    Amount
Widget large        2   10.00     20.00
Gadget              1    5.00      5.00
Widget small        1    5.00      5.00

Net total                         30.00
VAT                                6.00
Total                            £36.00"""


def said(**changes: Any) -> str:
    answer: Any = empty_answer(tree(Invoice))
    for path, value in changes.items():
        *groups, name = path.split("__")
        place = answer
        for group in groups:
            place = place[group]
        place[name] = value
    return json.dumps(answer)


def page(text: str | None, answer: str, *, index: int = 0) -> AnsweredPage:
    layout = lay_out(words_of(text), aspect=0.7) if text else None
    reader = WordReader.TEXT_LAYER if text else WordReader.NONE
    return AnsweredPage(index, layout, reader, Completion("r", answer, StopReason.END, 1, 1))


def record(*pages: AnsweredPage) -> ReadRecord:
    return read_record(Invoice, pages)


def field(read: ReadRecord, path: str) -> FieldReading:
    return next(reading for reading in read.fields if reading.path == path)


def row(description: str, quantity: str, price: str, total: str) -> dict[str, str]:
    return {"description": description, "quantity": quantity, "unit_price": price, "line_total": total}


def test_values_are_typed_and_their_place_is_known() -> None:
    read = record(page(PAGE, said(invoice_number="4711", grand_total="36.00", currency="£", seller__name="Acme Ltd")))
    assert read.values["invoice_number"] == "4711"
    assert read.values["grand_total"] == Decimal("36.00")
    assert read.values["currency"] == "GBP"
    evidence = field(read, "seller.name").evidence
    assert evidence is not None
    assert (evidence.page_index, len(evidence.boxes)) == (0, 1)


def test_the_occurrence_beside_the_label_is_the_evidence() -> None:
    text = "5.00 first\n\nTotal 5.00\n\n5.00 last"
    read = record(page(text, said(grand_total="5.00")))
    evidence = field(read, "grand_total").evidence
    assert evidence is not None
    assert evidence.boxes[0].y0 == pytest.approx(0.05 + 2 * 0.02)


def test_a_value_over_two_lines_has_a_box_for_each() -> None:
    read = record(page(PAGE, said(seller__name="Acme Ltd 12 High Street")))
    evidence = field(read, "seller.name").evidence
    assert evidence is not None
    assert len(evidence.boxes) == 2


def test_rows_with_equal_cells_stand_on_their_own_bands() -> None:
    lines = [row("Widget large", "2", "10.00", "20.00"), row("Gadget", "1", "5.00", "5.00")]
    lines.append(row("Widget small", "1", "5.00", "5.00"))
    read = record(page(PAGE, said(lines=lines)))
    tops = []
    for index in range(3):
        cells = [field(read, f"lines[{index}].{name}").evidence for name in lines[0]]
        heights = {round(cell.boxes[0].y0, 4) for cell in cells if cell is not None}
        assert len(heights) == 1
        tops.append(heights.pop())
    assert tops == sorted(set(tops))


def test_null_is_absent() -> None:
    assert field(record(page(PAGE, said())), "iban").state is FieldState.ABSENT


def test_a_value_that_is_not_on_the_page_is_ungrounded() -> None:
    read = record(page(PAGE, said(seller__name="Apex Inc")))
    assert field(read, "seller.name").state is FieldState.UNGROUNDED
    assert status_of(read.fields, read.findings).needs_review


def test_without_words_everything_is_ungrounded() -> None:
    assert field(record(page(None, said(invoice_number="4711"))), "invoice_number").state is FieldState.UNGROUNDED


def test_an_unambiguous_date_settles_the_others() -> None:
    read = record(page(PAGE, said(issue_date="25/12/2024", due_date="03/01/2025")))
    assert read.values["due_date"] == date(2025, 1, 3)


def test_a_date_that_nothing_settles_stays_ambiguous() -> None:
    read = record(page("Date: 03/04/2025", said(issue_date="03/04/2025")))
    reading = field(read, "issue_date")
    assert reading.state is FieldState.AMBIGUOUS
    assert reading.value is None
    assert set(reading.candidates) == {"2025-04-03", "2025-03-04"}


def test_the_page_s_other_amounts_settle_a_separator() -> None:
    read = record(page("Total 1.234\nVAT 12,50", said(grand_total="1.234")))
    assert read.values["grand_total"] == Decimal(1234)


def test_an_amount_that_nothing_settles_stays_ambiguous() -> None:
    assert field(record(page("Total 1.234", said(grand_total="1.234"))), "grand_total").state is FieldState.AMBIGUOUS


def test_text_that_is_no_amount_is_illegible() -> None:
    read = record(page("Total soon", said(grand_total="soon")))
    assert field(read, "grand_total").state is FieldState.ILLEGIBLE


def test_a_word_broken_at_a_line_end_is_found() -> None:
    read = record(page("Firma Donau-\ndampfschiff", said(seller__name="Donaudampfschiff")))
    evidence = field(read, "seller.name").evidence
    assert evidence is not None
    assert len(evidence.boxes) == 2


def test_sums_that_do_not_hold_are_findings() -> None:
    read = record(page(PAGE, said(net_total="30.00", tax_total="5.00", grand_total="36.00")))
    assert [finding.check for finding in read.findings] == ["totals"]
    assert record(page(PAGE, said(net_total="30.00", tax_total="6.00", grand_total="36.00"))).findings == ()


def test_pages_that_agree_make_one_value() -> None:
    pages = [page(PAGE, said(invoice_number="4711"), index=0), page(PAGE, said(invoice_number="4711"), index=1)]
    assert record(*pages).values["invoice_number"] == "4711"


def test_the_page_whose_label_stands_beside_it_wins() -> None:
    carried = page("carried forward\n\n12.00", said(grand_total="12.00"), index=0)
    last = page("Total 36.00", said(grand_total="36.00"), index=1)
    assert record(carried, last).values["grand_total"] == Decimal("36.00")


def test_pages_that_disagree_are_in_conflict() -> None:
    first, second = (
        page("Total 12.00", said(grand_total="12.00")),
        page("Total 36.00", said(grand_total="36.00"), index=1),
    )
    reading = field(record(first, second), "grand_total")
    assert reading.state is FieldState.CONFLICT
    assert set(reading.candidates) == {"12.00", "36.00"}


def test_rows_of_all_pages_follow_each_other() -> None:
    first = page(PAGE, said(lines=[row("Gadget", "1", "5.00", "5.00")]))
    empty = dict.fromkeys(row("", "", "", ""))
    second = page(PAGE, said(lines=[empty, row("Widget small", "1", "5.00", "5.00")]), index=1)
    values = record(first, second).values
    assert [line["description"] for line in values["lines"]] == ["Gadget", "Widget small"]


def test_a_choice_needs_no_words() -> None:
    from schemas.w9 import W9

    answer = json.dumps({"classification": "partnership"})
    read = read_record(W9, [page("Partnership", answer)])
    assert field(read, "classification").state is FieldState.VALUE


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(PAGE.split()), min_size=4, max_size=4), st.integers(0, 3))
def test_whatever_is_said_the_values_validate(words: list[str], rows: int) -> None:
    lines = [row(*words)] * rows
    answer = said(seller__name=words[0], grand_total=words[1], issue_date=words[2], currency=words[3], lines=lines)
    Invoice.model_validate(record(page(PAGE, answer)).values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"invoice_number":}',
        '{"unknown":1}',
        '{"lines":{}}',
        '{"lines":[1]}',
        "{} {}",
        '{"seller":null}',
    ],
)
def test_an_answer_of_another_shape_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(InvalidAnswer, match="shape"):
        parse_answer(text, tree(Invoice), is_cut=False)


def test_an_answer_that_was_cut_before_its_list_is_an_output_error() -> None:
    with pytest.raises(CutAnswer):
        parse_answer(said()[:40], tree(Invoice), is_cut=True)


@pytest.mark.parametrize("cut", [1, 2, 3, 20, 60])
def test_an_answer_that_was_cut_in_its_list_keeps_the_rows_before(cut: int) -> None:
    row = {"description": "Widget", "quantity": "2", "unit_price": "10.00", "line_total": "20.00"}
    text = said(lines=[row, row])
    whole = parse_answer(text, tree(Invoice), is_cut=False)
    kept = parse_answer(text[:-cut], tree(Invoice), is_cut=True)
    assert kept == tuple(leaf for leaf in whole if not leaf.path.startswith("lines[1]"))


def test_a_record_says_that_its_list_was_cut() -> None:
    cut = Completion("r", said(lines=[{"description": "Widget large"}])[:-5], StopReason.LENGTH, 1, 1)
    read = record(AnsweredPage(0, None, WordReader.NONE, cut))
    assert [finding.check for finding in read.findings] == ["list_cut"]
    assert status_of(read.fields, read.findings).needs_review


def test_servers_may_leave_keys_out_and_send_numbers() -> None:
    [leaf] = parse_answer('{ "grand_total" : 36.00 }', tree(Invoice), is_cut=False)
    assert (leaf.path, leaf.text) == ("grand_total", "36.00")


def test_confidence_counts_only_what_the_model_chose() -> None:
    trace = TokenTrace(ends=(2, 5, 9), logprobs=(-1.0, 0.0, -0.5), forced=(False, True, False))
    assert said_probability(trace, 2, 9) == pytest.approx(2.718281828**-0.5)
    assert said_probability(TokenTrace(), 0, 5) == UNKNOWN


@pytest.mark.parametrize(
    ("line", "checks"),
    [
        ("IBAN: DE89 3704 0044 0532 0130 01", ["iban"]),
        ("IBAN: DE89 3704 0044 0532 0130 00", []),
        ("USt-IdNr: DE123456789", ["vat"]),
        ("Article DE89370400440532013001", []),
        ("IN VOICE 2023", []),
    ],
)
def test_a_labelled_code_that_fails_its_check_is_absent_and_has_a_finding(line: str, checks: list[str]) -> None:
    read = record(page(line, said()))
    assert [finding.check for finding in read.findings] == checks
    assert not any("DE" in finding.message or "1234" in finding.message for finding in read.findings)
    assert field(read, "iban").state is FieldState.ABSENT


def test_an_engine_that_says_a_wrong_code_gives_no_value() -> None:
    read = record(page(None, said(iban="DE89 3704 0044 0532 0130 01", seller__vat_id="DE12345")))
    assert [field(read, path).state for path in ("iban", "seller.vat_id")] == [FieldState.ILLEGIBLE] * 2
