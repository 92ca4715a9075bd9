"""Every shape in which numbers are printed reads back to what was printed."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.number_shapes import SHAPES, Shape
from llava_ocr.schema import Hint, LeafNode, Money, leaf_of
from llava_ocr.words.layout import lay_out
from tests.fakes import ASPECT, words_of

MONEY = LeafNode("total", "total", leaf_of(Money), Hint(""))
# What each family of marks is printed as: the Swiss type acutes, the French narrow spaces.
PRINTS = {"'": "'’´`ʹ٬", "\u00a0": "\u00a0\u2009\u202f", ".": ".．", ",": ",，", "٫": "٫"}
SCRIPTS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९")
numbers = st.decimals(min_value=0, max_value=10**9, places=2)
shapes = st.sampled_from([shape for shape in SHAPES if shape.group != "\u2003"])


@st.composite
def printed(draw: st.DrawFn) -> tuple[Decimal, str]:
    value, shape, script = draw(numbers), draw(shapes), draw(st.sampled_from(SCRIPTS))
    return value, written(value, shape, script, draw(st.integers(0, 5)))


def written(value: Decimal, shape: Shape, script: str, variant: int) -> str:
    whole, fraction = f"{value:.2f}".split(".")
    group, decimal = (_variant(mark, variant) for mark in (shape.group, shape.decimal))
    parts = [whole[-3:]]
    rest = whole[:-3]
    size = 2 if shape.is_indian else 3
    while rest:
        parts.insert(0, rest[-size:])
        rest = rest[:-size]
    return (group.join(parts) + decimal + fraction).translate(str.maketrans(SCRIPTS[0], script))


def _variant(mark: str, number: int) -> str:
    forms = PRINTS.get(mark, mark)
    return forms[number % len(forms)] if forms else ""


@settings(deadline=None, max_examples=200)
@given(printed())
def test_a_number_in_any_shape_reads_back(case: tuple[Decimal, str]) -> None:
    value, text = case
    assert value in amount_readings(text).values()


@settings(deadline=None, max_examples=100)
@given(
    printed(), st.sampled_from(["", "EUR ", "Rs.", "¥", "CHF ", "-$ "]), st.sampled_from(["", " kr", "€", "円", " -"])
)
def test_a_candidate_is_never_a_part_of_a_longer_number(case: tuple[Decimal, str], before: str, behind: str) -> None:
    value, text = case
    for candidate in spans(lay_out(words_of(f"Total: {before}{text}{behind}"), aspect=ASPECT), MONEY):
        assert value in {abs(read) for read in amount_readings(candidate).values()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1´234.50", "1234.50"),
        ("1`234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1,23,456.00", "123456.00"),
        (".50", "0.50"),
        ("500/-", "500"),
        ("1,23,456.00/-", "123456.00"),
        ("12.--", "12"),
        ("￥１２，３４５．６", "12345.6"),
        ("١٬٢٣٤٫٥٦", "1234.56"),
        ("१,२३,४५६.७८", "123456.78"),
        ("3·50", "3.50"),
        ("12kr", "12"),
        ("R$ 1.234,50", "1234.50"),
    ],
)
def test_shapes_of_the_world(text: str, value: str) -> None:
    assert set(amount_readings(text).values()) == {Decimal(value)}


@pytest.mark.parametrize("text", ["12 m²", "① 5 000 ②"])
def test_superscripts_and_circled_numbers_are_no_figures(text: str) -> None:
    assert len(amount_readings(text)) == 1
