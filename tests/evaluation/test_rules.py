import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.constrain.check import violations
from llava_ocr.engines.base import Completion, StopReason
from llava_ocr.grounding.read import AnsweredPage, read_record
from llava_ocr.records import WordReader
from llava_ocr.rulebook.answer import answer_by_rules
from llava_ocr.schema import Date, DocumentSchema, Money, Text, read, tree
from llava_ocr.synth.paint import paint
from llava_ocr.words.layout import Layout, lay_out
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from schemas.statement import Statement
from schemas.w9 import W9
from tests.constrain.strategies import layouts
from tests.fakes import ASPECT, words_of

SCHEMAS = (Invoice, Receipt, Statement, W9)


class Permit(DocumentSchema):
    """A paper that nobody thought of."""

    permit_number: Text | None = read("The permit", labels=("Permit No",))
    holder: Text | None = read("Who may park", labels=("Holder",))
    valid_until: Date | None = read("Last day", labels=("Valid until",))
    fee: Money | None = read("What it cost", labels=("Fee",))


def answer(schema: type[DocumentSchema], text: str) -> Any:
    return json.loads(answer_by_rules(tree(schema), lay_out(words_of(text), aspect=ASPECT)))


@given(layouts(), st.sampled_from(SCHEMAS))
@settings(max_examples=30, deadline=None)
def test_whatever_the_page_the_answer_keeps_to_schema_and_page(layout: Layout, schema: type[DocumentSchema]) -> None:
    assert violations(answer_by_rules(tree(schema), layout), tree(schema), layout) == ()


@pytest.mark.parametrize("kind", ["invoice", "receipt", "statement"])
def test_every_value_said_of_a_painted_page_stands_on_it(kind: str) -> None:
    root = tree({"invoice": Invoice, "receipt": Receipt, "statement": Statement}[kind])
    for page in paint(kind, 77).pages:
        layout = lay_out(page.words, aspect=page.width_pt / page.height_pt)
        assert violations(answer_by_rules(root, layout), root, layout) == ()


def test_rules_read_most_totals_of_painted_invoices() -> None:
    root, num_right, num_truths = tree(Invoice), 0, 0
    for seed in range(500, 512):
        painted = paint("invoice", seed)
        layouts = [lay_out(page.words, aspect=page.width_pt / page.height_pt) for page in painted.pages]
        pages = [
            AnsweredPage(
                n, layout, WordReader.TEXT_LAYER, Completion("", answer_by_rules(root, layout), StopReason.END, 0, 0)
            )
            for n, layout in enumerate(layouts)
        ]
        values = read_record(Invoice, pages).values
        truths = {
            name: painted.truth[name] for name in ("net_total", "tax_total", "grand_total") if painted.truth[name]
        }
        num_truths += len(truths)
        num_right += sum(values[name] == Decimal(truth) for name, truth in truths.items())
    assert num_right >= 0.8 * num_truths


def test_a_page_without_words_says_nothing() -> None:
    said = json.loads(answer_by_rules(tree(Receipt), lay_out([], aspect=ASPECT)))
    assert said == {"merchant_name": None, "merchant_address": None, "date": None, "total": None, "lines": []}


def test_a_schema_nobody_thought_of_is_read_by_its_labels() -> None:
    said = answer(Permit, "Permit No: P-4711    Fee: 12.00 EUR\nHolder\nJane Doe\n\nValid until 31 March 2025")
    assert said == {
        "permit_number": "P-4711",
        "holder": "Jane Doe",
        "valid_until": "31 March 2025",
        "fee": "12.00",
    }


def test_the_longest_label_at_a_place_decides() -> None:
    said = answer(Invoice, "Invoice Date 05.03.2024\nDue Date 04.04.2024\nInvoice No 2024-17")
    assert (said["issue_date"], said["due_date"]) == ("05.03.2024", "04.04.2024")
    assert said["invoice_number"] == "2024-17"


def test_a_date_of_something_else_is_not_the_documents() -> None:
    said = answer(Invoice, "Date of delivery: 01.02.2024\nDate: 05.03.2024\nInvoice No 17")
    assert said["issue_date"] == "05.03.2024"


def test_a_date_may_follow_the_documents_number() -> None:
    assert answer(Invoice, "Handelsrechnung (380) Nr. 471102 vom 05.06.2018")["issue_date"] == "05.06.2018"


def test_arithmetic_tells_totals_from_their_parts() -> None:
    said = answer(
        Invoice,
        "Net total 10.00\nNet total 100.00\nVAT 19 % of 100.00: 19.00\nGrand total 119.00\nTotal 7.00",
    )
    assert (said["net_total"], said["tax_total"], said["grand_total"]) == ("100.00", "19.00", "119.00")


def test_amounts_that_no_label_speaks_of_are_no_totals() -> None:
    said = answer(Invoice, "One 100.00\nTwo 19.00\nThree 119.00")
    assert (said["net_total"], said["tax_total"], said["grand_total"]) == (None, None, None)


LETTER = """Huber & Sohn GmbH · Am Weg 3 · 12345 Kleinstadt

Jane Doe
Lange Straße 7
54321 Beispielhausen


Rechnung Nr. 4711"""


def test_the_sender_stands_in_a_line_above_the_recipient() -> None:
    said = answer(Invoice, LETTER)
    assert said["seller"]["name"] == "Huber & Sohn GmbH"
    assert said["seller"]["city"] == "Kleinstadt"
    assert (said["buyer"]["name"], said["buyer"]["street"]) == ("Jane Doe", "Lange Straße 7")
    assert (said["buyer"]["postcode"], said["buyer"]["city"]) == ("54321", "Beispielhausen")


def test_a_heading_tells_whose_address_it_is() -> None:
    said = answer(
        Invoice, "Bill to\nSome Shop Ltd\n1 High Street\n12345 Town\n\n\nFrom\nMaker Inc.\n2 Low Road\n54321 Village"
    )
    assert (said["buyer"]["name"], said["seller"]["name"]) == ("Some Shop Ltd", "Maker Inc.")


def test_rows_stand_under_their_columns_and_end_at_the_total() -> None:
    text = (
        "Description                    Qty       Price       Amount\n"
        "Blue chair                     2         10.00       20.00\n"
        "with arms\n"
        "Lamp                           1         5.50        5.50\n"
        "Grand total                                          25.50"
    )
    rows = [(row["description"], row["quantity"], row["line_total"]) for row in answer(Invoice, text)["lines"]]
    assert rows == [("Blue chair", "2", "20.00"), ("Lamp", "1", "5.50")]


def test_a_receipt_needs_no_headings() -> None:
    said = answer(
        Receipt,
        "THE CORNER SHOP\n12 High Street,\n54321 Town\n\nApples   2.50\nBread   1.20\n\nTotal   3.70\n05/03/2024",
    )
    assert (said["merchant_name"], said["total"], said["date"]) == ("THE CORNER SHOP", "3.70", "05/03/2024")
    assert said["merchant_address"] == "12 High Street, 54321 Town"
    assert [(row["description"], row["line_total"]) for row in said["lines"]] == [("Apples", "2.50"), ("Bread", "1.20")]


def test_a_period_has_two_dates() -> None:
    said = answer(Statement, "Period: 01.02.2024 - 29.02.2024")
    assert (said["period_start"], said["period_end"]) == ("01.02.2024", "29.02.2024")


def test_the_commonest_currency_is_the_documents() -> None:
    assert answer(Invoice, "Total 12.00 EUR\nVAT 2.00 EUR\nor 13.00 USD")["currency"] == "EUR"


def test_an_address_is_no_vat_id_and_neither_is_an_account() -> None:
    said = answer(Invoice, "DE 79959 NORDEN\nIBAN DE89 3704 0044 0532 0130 00\nUSt-IdNr. DE136695976")
    assert said["seller"]["vat_id"] == "DE136695976"
