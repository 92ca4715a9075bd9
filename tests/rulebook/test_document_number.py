"""A number is what its label announces, glued to it or not: never a part of a date or an address."""

import pytest

from llava_ocr.constrain.page_text import pieces, unlabelled
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from tests.fakes import ASPECT, words_of


def number(text: str) -> str | None:
    return guesses(tree(Invoice), lay_out(words_of(text), aspect=ASPECT)).get("invoice_number")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Facture n°562044387 du 02 Juillet 2015", "562044387"),
        ("Rechnung Nr.4711", "4711"),
        ("Invoice No.:4711", "4711"),
        ("Invoice #4711", "4711"),
        ("Facture Nº 12", "12"),
        ("Rechnungsnr.4711", "4711"),
        ("Invoice Inv.No4711", "4711"),
        ("Invoice number   CN 5512", "CN 5512"),
        ("Invoice number   -4711", "-4711"),
        ("Invoice number   0000123456", "0000123456"),
        ("Invoice number   24952000000010910141", "24952000000010910141"),
        ("Invoice number   12E4", "12E4"),
        ("Invoice number   3/2024", "3/2024"),
        ("Invoice number   Nr.A-4711", "A-4711"),
    ],
)
def test_a_number_is_read_without_its_label_and_as_printed(text: str, found: str) -> None:
    assert number(text) == found


@pytest.mark.parametrize("text", ["Invoice of 02 July 2015", "Invoice 12.03.2024"])
def test_a_date_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("word", ["Hauptstr.12", "12.03.2024", "Casino12", "10:30", "v1.2", "A-47/11"])
def test_other_words_are_not_cut(word: str) -> None:
    assert pieces(word) == [word]
    assert unlabelled(word) == word
