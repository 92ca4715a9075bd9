"""Which of several equal values on a page is whose."""

from collections.abc import Sequence

from llava_ocr.geometry import Box
from llava_ocr.grounding.match import PageIndex
from llava_ocr.grounding.placing import Choice, place_fields, place_rows
from llava_ocr.records import Word
from llava_ocr.schema import leaves, tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice

NODES = {leaf.path: leaf for leaf in leaves(tree(Invoice))}


def _index(*lines: Sequence[tuple[float, str]]) -> PageIndex:
    """A page of lines of (left edge, word), 0.02 apart."""
    words = [
        Word(text, Box(x, 0.1 + 0.02 * number, x + 0.008 * len(text), 0.11 + 0.02 * number), 1.0)
        for number, line in enumerate(lines)
        for x, text in line
    ]
    return PageIndex(lay_out(tuple(words), aspect=0.7))


def _choice(index: PageIndex, path: str, text: str) -> Choice:
    return Choice(path, NODES[path.replace("[0]", "[]").replace("[1]", "[]")], text, index.find(text))


def _fields(index: PageIndex, said: dict[str, str]) -> dict[str, tuple[int, ...]]:
    placed = place_fields([_choice(index, path, text) for path, text in said.items()], index)
    return {path: one.place.words for path, one in placed.items()}


def _rows(index: PageIndex, *rows: dict[str, str]) -> list[list[tuple[int, ...] | None]]:
    choices = [[_choice(index, f"lines[{n}].{name}", text) for name, text in row.items()] for n, row in enumerate(rows)]
    return [[place and place.words for place in row] for row in place_rows(choices, index)]


def test_a_country_is_that_of_its_own_address() -> None:
    index = _index(
        [(0.1, "Acme")], [(0.1, "Bonn")], [(0.1, "DE")], [(0.1, "x")], [(0.1, "Bolt")], [(0.1, "Kiel")], [(0.1, "DE")]
    )
    said = {"seller.city": "Bonn", "seller.country": "DE", "buyer.city": "Kiel", "buyer.country": "DE"}
    placed = _fields(index, said)
    assert placed["seller.country"] == (2,) and placed["buyer.country"] == (6,)


def test_a_city_in_the_name_is_not_the_city() -> None:
    index = _index([(0.1, "Stadt"), (0.2, "Kiel")], [(0.1, "24103"), (0.2, "Kiel")])
    placed = _fields(index, {"buyer.name": "Stadt Kiel", "buyer.postcode": "24103", "buyer.city": "Kiel"})
    assert placed["buyer.city"] == (3,)


def test_what_is_due_is_not_the_total_that_another_field_has() -> None:
    index = _index([(0.1, "Grand"), (0.2, "total"), (0.6, "12.00")], [(0.1, "Kindly"), (0.2, "send"), (0.6, "12.00")])
    placed = _fields(index, {"grand_total": "12.00", "due_amount": "12.00"})
    assert placed == {"grand_total": (2,), "due_amount": (5,)}


def test_an_amount_printed_once_is_both_totals() -> None:
    index = _index([(0.1, "Total"), (0.6, "12.00")])
    assert _fields(index, {"grand_total": "12.00", "due_amount": "12.00"}) == {
        "grand_total": (1,),
        "due_amount": (1,),
    }


def test_a_price_and_an_equal_total_each_keep_to_their_column() -> None:
    index = _index(
        [(0.1, "Bolts"), (0.5, "1"), (0.6, "3.00"), (0.8, "3.00")],
        [(0.1, "Nuts"), (0.5, "2"), (0.6, "4.00"), (0.8, "8.00")],
    )
    names = ("description", "quantity", "unit_price", "line_total")
    first = dict(zip(names, ("Bolts", "1", "3.00", "3.00"), strict=True))
    second = dict(zip(names, ("Nuts", "2", "4.00", "8.00"), strict=True))
    assert _rows(index, first, second) == [[(0,), (1,), (2,), (3,)], [(4,), (5,), (6,), (7,)]]


def test_cells_without_a_column_are_taken_in_the_order_of_the_schema() -> None:
    index = _index([(0.1, "Bolts"), (0.6, "3.00"), (0.8, "3.00")])
    row = {"description": "Bolts", "unit_price": "3.00", "line_total": "3.00"}
    assert _rows(index, row) == [[(0,), (1,), (2,)]]


def test_a_quantity_below_its_description_is_not_the_row_s_above() -> None:
    index = _index(
        [(0.1, "Bolts")],
        [(0.1, "1"), (0.2, "x"), (0.3, "3.00")],
        [(0.1, "Nuts")],
        [(0.1, "1"), (0.2, "x"), (0.3, "4.00")],
    )
    first = {"description": "Bolts", "quantity": "1", "unit_price": "3.00"}
    second = {"description": "Nuts", "quantity": "1", "unit_price": "4.00"}
    assert _rows(index, first, second)[1] == [(4,), (5,), (7,)]
