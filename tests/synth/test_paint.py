"""Painted documents: their truth is printed, adds up, and depends on the seed alone."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from llava_ocr.errors import UnknownSchema
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.paint import PAINTERS, paint

SEEDS = range(30)


def leaves(truth: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(truth, dict):
        for name, value in truth.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(truth, list):
        for index, row in enumerate(truth):
            yield from leaves(row, f"{path}[{index}]")
    elif truth is not None:
        yield path, truth


@cache
def documents() -> tuple[PaintedDocument, ...]:
    return tuple(paint(schema, seed) for schema in PAINTERS for seed in SEEDS)


def test_equal_seeds_give_equal_documents() -> None:
    for schema in PAINTERS:
        assert paint(schema, 7) == paint(schema, 7)


def test_other_seeds_give_other_documents() -> None:
    for schema in PAINTERS:
        truths = {str(document.truth) for document in documents() if document.schema == schema}
        assert len(truths) == len(SEEDS)


def test_every_true_value_is_printed_and_nothing_else_is() -> None:
    for document in documents():
        assert {path for path, _ in leaves(document.truth)} == {value.path for value in document.printed}


def test_a_printed_value_is_made_of_its_words() -> None:
    for document in documents():
        for value in document.printed:
            words = document.pages[value.page_index].words
            assert value.text in " ".join(words[index].text for index in value.words)


def test_all_words_stand_on_the_page_and_have_no_spaces() -> None:
    for document in documents():
        for page in document.pages:
            for word in page.words:
                assert word.text and not any(c.isspace() for c in word.text)
                box = word.box
                assert -0.001 <= box.x0 < box.x1 <= 1.001 and -0.001 <= box.y0 < box.y1 <= 1.001


def test_invoice_totals_add_up() -> None:
    for seed in SEEDS:
        truth = paint("invoice", seed).truth
        net, tax, grand = truth["net_total"], truth["tax_total"], truth["grand_total"]
        if net and tax and grand:
            assert Decimal(net) + Decimal(tax) == Decimal(grand)


def test_receipt_lines_multiply_out() -> None:
    for seed in SEEDS:
        for line in paint("receipt", seed).truth["lines"]:
            if line["quantity"] and line["unit_price"]:
                product = Decimal(line["quantity"]) * Decimal(line["unit_price"])
                assert abs(product - Decimal(line["line_total"])) <= Decimal("0.005")


def test_fields_are_sometimes_absent() -> None:
    truths = [paint("invoice", seed).truth for seed in SEEDS]
    for name in ("due_date", "iban", "currency"):
        assert 0 < sum(truth[name] is None for truth in truths) < len(truths)


def test_invoices_have_one_to_forty_lines_on_several_pages() -> None:
    painted = [paint("invoice", seed) for seed in range(150)]
    counts = {len(document.truth["lines"]) for document in painted}
    assert min(counts) == 1 and 25 < max(counts) <= 40
    assert {1, 2} <= {len(document.pages) for document in painted}


def test_all_three_languages_are_painted() -> None:
    assert {paint("invoice", seed).language for seed in SEEDS} == {"en", "de", "fr"}


def test_looks_hardly_ever_repeat() -> None:
    layouts = {tuple(round(w.box.x0, 3) for w in paint("invoice", seed).pages[0].words[:6]) for seed in SEEDS}
    assert len(layouts) == len(SEEDS)


def test_a_schema_without_a_painter_is_a_config_error() -> None:
    with pytest.raises(UnknownSchema, match="invoice"):
        paint("passport", 1)


def test_only_punctuation_or_a_currency_touches_a_value() -> None:
    for document in documents():
        for value in document.printed:
            words = document.pages[value.page_index].words
            rest = " ".join(words[index].text for index in value.words).replace(value.text, "", 1)
            # "RM12.00" and "2x": an amount shares a word with its currency, a count with its sign.
            # "D-12345": the national letter stands before the postcode.
            touching = ("RM", "x", "X", "D-", "A-", "CH-", "F-", "B-")
            assert value.path == "currency" or rest in touching or not any(c.isalnum() for c in rest), (value, rest)
