"""Painted invoices and receipts look different: every pattern of layout and wording turns up, and its values hold."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import pytest

from llava_ocr.synth.base import PaintedDocument, PaintedPage
from llava_ocr.synth.curate import Split, split_of
from llava_ocr.synth.invoice import draw_invoice
from llava_ocr.synth.paint import paint
from llava_ocr.synth.purchase import draw_receipt
from llava_ocr.synth.streams import stream

SEEDS = range(300)
INVOICE_PATTERNS = {
    "letter", "columns", "boxes", "dump", "plain", "sidebar", "viewer", "form",
    "business terms", "item cards", "allowance table", "reference row", "date alone", "recipient at the right",
    "recipient's tax number", "courtesy line", "spaced address", "groups with sums", "stacked references", "dated rows",
    "tax per row", "price per hundred", "unit below quantity", "unit before quantity", "totals right", "totals full",
    "totals left", "totals strip", "totals in table", "totals stacked", "totals boxes", "tax table",
    "tax table with totals", "items in sentences", "dotted items", "account summary", "payments table", "direct debit",
    "signature", "payment part", "coupon", "prompt payment discount", "footer sections", "carried over", "credit note",
    "title bar", "refers to another invoice", "ways to pay",
    "several tax rates", "discount or charge", "prepaid", "several pages",
}  # fmt: skip
RECEIPT_PATTERNS = {
    "tax table", "card slip", "tip line", "clock times", "points", "bar code", "facts in pairs", "facts in columns",
    "items in a table", "tax codes", "row discount", "quantity total", "totals of both kinds", "service charge",
    "total stands alone", "second firm", "number on top", "numbers before address", "phone and fax on one line",
    "cash customer", "date below", "several tax rates",
}  # fmt: skip


@cache
def painted(schema: str) -> tuple[PaintedDocument, ...]:
    return tuple(paint(schema, seed) for seed in SEEDS)


@pytest.mark.parametrize(("schema", "patterns"), [("invoice", INVOICE_PATTERNS), ("receipt", RECEIPT_PATTERNS)])
def test_every_pattern_occurs(schema: str, patterns: set[str]) -> None:
    counts = Counter(pattern for document in painted(schema) for pattern in document.patterns)
    assert set(counts) == patterns


@pytest.mark.parametrize("schema", ["invoice", "receipt"])
def test_patterns_occur_in_every_language(schema: str) -> None:
    found = {language: set[str]() for language in ("en", "de", "fr")}
    for document in painted(schema):
        found[document.language] |= document.patterns
    assert min(len(patterns) for patterns in found.values()) > 0.7 * len(found["en"] | found["de"] | found["fr"])


def test_no_template_family_rules() -> None:
    families = Counter(document.origin.family for document in painted("invoice"))
    assert len(families) > 80 and max(families.values()) < 0.15 * len(SEEDS)


def test_some_of_each_skeleton_is_held_out_or_trained_on() -> None:
    splits = Counter(split_of(document.origin) for document in painted("invoice"))
    assert splits[Split.HELD_OUT] > 15 and splits[Split.TRAIN] > 150


def with_pattern(schema: str, pattern: str) -> list[PaintedDocument]:
    found = [document for document in painted(schema) if pattern in document.patterns]
    assert found
    return found


def text_of(page: PaintedPage) -> str:
    return " ".join(word.text for word in page.words)


def rows_of(document: PaintedDocument, leaf: str) -> Iterator[Decimal]:
    for line in document.truth["lines"]:
        if line[leaf]:
            yield Decimal(line[leaf])


def test_business_terms_stand_beside_their_labels() -> None:
    for document in with_pattern("invoice", "business terms"):
        assert re.search(r"\bBT-\d", " ".join(map(text_of, document.pages)))


def test_a_letter_without_a_table_tells_its_rows() -> None:
    for document in with_pattern("invoice", "items in sentences"):
        assert document.truth["grand_total"] and all(rows_of(document, "line_total"))


def test_a_date_alone_is_the_day_of_issue() -> None:
    for document in with_pattern("invoice", "date alone"):
        place = next(value for value in document.printed if value.path == "issue_date")
        assert place.page_index == 0 and document.pages[0].words[place.words[0]].box.y0 < 0.3


def test_sums_of_groups_are_no_rows() -> None:
    for document in with_pattern("invoice", "groups with sums"):
        invoice = draw_invoice(stream("invoice", document.seed, "content"))
        assert len(document.truth["lines"]) == len(invoice.items)
        assert sum(rows_of(document, "line_total")) == invoice.totals.items


def test_a_price_per_hundred_makes_the_rows_total() -> None:
    for document in with_pattern("invoice", "price per hundred"):
        for item in draw_invoice(stream("invoice", document.seed, "content")).items:
            gross = item.quantity * item.unit_price / item.per * (100 - item.discount) / 100
            assert abs(gross - item.total) <= Decimal("0.005")


def test_taxes_by_rate_make_the_totals() -> None:
    for seed in SEEDS:
        totals = draw_invoice(stream("invoice", seed, "content")).totals
        assert sum(line.net + line.tax for line in totals.taxes) == totals.grand == totals.net + totals.tax
        assert totals.grand - totals.prepaid == totals.due


def test_a_purchase_balances() -> None:
    for seed in SEEDS:
        receipt = draw_receipt(stream("receipt", seed, "content"))
        rows = sum(item.total for item in receipt.items) + sum(receipt.cuts.values())
        assert rows == receipt.subtotal
        paid = receipt.subtotal - receipt.discount + receipt.service
        assert paid + receipt.rounding == receipt.total
        assert sum(line.net + line.tax for line in receipt.taxes) == paid


def test_words_never_lie_on_each_other_in_forms_and_viewers() -> None:
    for pattern in ("form", "viewer", "payment part"):
        for document in with_pattern("invoice", pattern)[:12]:
            for page in document.pages:
                boxes = [word.box for word in page.words]
                hidden = [
                    a for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.intersection(b).area > 0.5 * a.area
                ]
                assert len(hidden) <= 2, (document.seed, pattern)
