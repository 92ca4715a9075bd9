"""Totals are what their labels say; arithmetic helps where labels leave a choice."""

import pytest

from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from tests.fakes import ASPECT, words_of

ELSEWHERE = """\
Sizes
          50.00
          10.00
          60.00
          101.00
          24.20
"""


def totals(text: str) -> list[str | None]:
    found = guesses(tree(Invoice), lay_out(words_of(text), aspect=ASPECT))
    return [found.get(name) for name in ("net_total", "tax_total", "grand_total")]


@pytest.mark.parametrize("above", ["", ELSEWHERE])
def test_labelled_totals_stand_though_other_columns_add_up(above: str) -> None:
    text = f"{above}Net total          100.00\nVAT                20.00\nGrand total        121.00"
    assert totals(text) == ["100.00", "20.00", "121.00"]


def test_a_chance_sum_replaces_no_label() -> None:
    assert totals(f"{ELSEWHERE}Net total          100.00\nGrand total        121.00") == ["100.00", None, "121.00"]


def test_the_sum_chooses_among_amounts_beside_a_label() -> None:
    text = "Net total          90.00\nNet total          100.00\nVAT                20.00\nGrand total        120.00"
    assert totals(text) == ["100.00", "20.00", "120.00"]


def test_totals_of_a_credit_note_keep_their_signs() -> None:
    text = "Net total          - 100.00\nVAT                (20.00)\nGrand total        120.00 CR"
    assert totals(text) == ["- 100.00", "(20.00)", "120.00 CR"]
