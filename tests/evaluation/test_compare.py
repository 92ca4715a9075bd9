"""One document's truth beside what was read of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.evaluation.base import FieldResult
from llava_ocr.evaluation.compare import compare, seen_part
from llava_ocr.evaluation.truth import Place, Truth
from llava_ocr.geometry import Box
from llava_ocr.records import Evidence, FieldReading, WordReader
from llava_ocr.schema import tree
from schemas.invoice import Invoice
from tests.evaluation.made import pages, said, truth

ROOT = tree(Invoice)
NOWHERE = pages()
ROWS = ({"description": "A", "line_total": "1"}, {"description": "B", "line_total": "2"})


def fields_of(known: Truth, *readings: FieldReading) -> dict[str, FieldResult]:
    return {one.path: one for one in compare(known, ROOT, readings, NOWHERE).fields}


def row(index: int, description: str, total: str) -> list[FieldReading]:
    cells = said(f"lines[{index}].description", description), said(f"lines[{index}].line_total", Decimal(total))
    return list(cells)


def test_omitted_null_and_zero_are_three_things() -> None:
    known = truth({"net_total": "0", "tax_total": None, "due_date": None})
    read = fields_of(known, said("net_total", None), said("tax_total", Decimal(0)))
    assert not any(one.is_right for one in read.values())
    assert read["due_date"].state is None
    assert fields_of(known, said("due_date", None))["due_date"].is_right


def test_rows_are_compared_in_the_order_that_fits_best() -> None:
    found = fields_of(truth(lists={"lines": ROWS}), *row(0, "B", "2"), *row(1, "A", "1"))
    assert len(found) == 4 and all(one.is_right for one in found.values())


def test_a_missing_row_is_not_answered_and_one_too_many_is_wrong() -> None:
    missing = fields_of(truth(lists={"lines": ROWS}), *row(0, "B", "2"))
    assert [missing[f"lines[{index}].description"].is_right for index in (0, 1)] == [False, True]
    assert missing["lines[0].description"].state is None
    surplus = fields_of(truth(lists={"lines": ROWS[:1]}), *row(0, "A", "1"), *row(1, "B", "2"))
    assert [one.path for one in surplus.values() if one.is_surplus] == ["lines[1].description", "lines[1].line_total"]


def test_columns_that_the_truth_does_not_know_are_not_compared() -> None:
    known = truth(lists={"lines": ({"description": "A"},)})
    assert list(fields_of(known, *row(0, "A", "1"), *row(1, "B", "2"))) == [
        "lines[0].description",
        "lines[1].description",
    ]


def test_rows_where_there_should_be_none_are_wrong() -> None:
    found = fields_of(truth(lists={"lines": ()}), *row(0, "A", "1"))
    assert len(found) == 2 and all(one.is_surplus and not one.is_right for one in found.values())


@given(st.permutations(range(6)))
@settings(deadline=None, max_examples=25)
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rows = tuple({"description": f"item {n}", "line_total": str(n % 3)} for n in range(6))
    readings = [cell for index, n in enumerate(order) for cell in row(index, f"item {n}", str(n % 3))]
    assert all(one.is_right for one in compare(truth(lists={"lines": rows}), ROOT, readings, NOWHERE).fields)


def test_text_that_stands_nowhere_is_invented() -> None:
    page = pages("Invoice AB-12 of\nACME Trading, 1.234,50 EUR")
    readings = [
        said("invoice_number", "ab 12"),
        said("seller.name", "Acme Trading"),
        said("buyer.name", "Other Ltd"),
        said("net_total", Decimal("1234.50"), text="1234.50"),
        said("tax_total", Decimal("34.50"), text="34.50"),
    ]
    compared = compare(truth({"buyer.name": "X"}), ROOT, readings, page)
    assert compared.num_invented == 2
    assert compared.fields[0].is_invented


def test_nothing_is_invented_where_a_page_has_no_words() -> None:
    for unread in (NOWHERE, pages("Invoice", "")):
        assert compare(truth(), ROOT, [said("buyer.name", "Other Ltd")], unread).num_invented == 0


@pytest.mark.parametrize(
    ("box", "score"), [((0.0, 0, 1, 0.07), 2 / 3), ((0.1, 0, 0.16, 1), 1.0), ((0.5, 0.5, 1, 1), 0.0)]
)
def test_evidence_is_as_good_as_the_words_it_covers(box: tuple[float, ...], score: float) -> None:
    page = pages("Total 12.00")
    place = Place(0, (Box(0.1, 0.04, 0.15, 0.07),))
    evidence = Evidence(0, (Box(*box),), WordReader.TEXT_LAYER, 1.0)
    reading = replace(said("net_total", Decimal(12)), evidence=evidence)
    known = truth({"net_total": "12"}, places={"net_total": (Place(1, ()), place)})
    assert compare(known, ROOT, [reading], page).fields[0].evidence_f1 == pytest.approx(score)


def test_no_evidence_scores_nothing_where_places_are_told() -> None:
    known = truth({"net_total": "12"}, places={"net_total": (Place(0, ()),)})
    assert fields_of(known, said("net_total", Decimal(12)))["net_total"].evidence_f1 == 0.0
    assert fields_of(truth({"net_total": "12"}), said("net_total", Decimal(12)))["net_total"].evidence_f1 is None


def test_without_flags_what_is_not_on_the_page_does_not_count() -> None:
    known = truth(
        {"net_total": "1234.50", "issue_date": "2024-03-05", "seller.name": "Nobody"},
        {"lines": ({"description": "Tea", "line_total": "9"}, {"description": "Milk"})},
        is_flagged=False,
    )
    seen = seen_part(known, ROOT, pages("5. März 2024\nTea 1.234,50"))
    assert seen.leaves == {"net_total": "1234.50", "issue_date": "2024-03-05"}
    assert seen.lists == {"lines": ({"description": "Tea"},)}
    assert seen_part(replace(known, is_flagged=True), ROOT, pages("Tea")).leaves == known.leaves
