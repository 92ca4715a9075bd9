from __future__ import annotations

import pytest

from llava_ocr.grounding.candidates import spans
from llava_ocr.schema import (
    Country,
    Currency,
    Date,
    DocumentSchema,
    Iban,
    LeafNode,
    Money,
    Number,
    Vat,
    leaves,
    read,
    tree,
)
from llava_ocr.words.layout import lay_out
from tests.fakes import words_of


class Kinds(DocumentSchema):
    """One field of each kind."""

    money: Money | None = read("m")
    number: Number | None = read("n")
    date: Date | None = read("d")
    iban: Iban | None = read("i")
    vat: Vat | None = read("v")
    currency: Currency | None = read("c")
    country: Country | None = read("l")


LEAVES: dict[str, LeafNode] = {leaf.name: leaf for leaf in leaves(tree(Kinds))}


def found(kind: str, text: str) -> list[str]:
    return list(spans(lay_out(words_of(text), aspect=0.7), LEAVES[kind]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Total: 1.234,56", ["1.234,56"]),
        ("Total:12.00", ["12.00"]),
        ("€1,234.56", ["1,234.56"]),
        ("EUR12.00", ["12.00"]),
        ("12.00EUR", ["12.00"]),
        ("RM12.00", ["12.00"]),
        ("-12.00", ["-12.00"]),
        ("-€12.00", ["-€12.00"]),
        ("€-12.00", ["-12.00"]),
        ("(12.00)", ["(12.00)"]),
        ("12,-", ["12,-"]),
        ("1 234,56", ["1", "234,56", "1 234,56"]),
        ("19%", []),
        ("19 %", []),
        ("12:30", []),
        ("25.12.2018", []),
        ("2018-12-25", []),
        ("A4711", []),
        ("0171/1234567", []),
        ("123456789012", []),
        ("12.00.", ["12.00"]),
        ("2x", ["2"]),
    ],
)
def test_amounts(text: str, expected: list[str]) -> None:
    assert found("money", text) == expected


def test_each_candidate_comes_once_in_reading_order() -> None:
    assert found("money", "5,00 7,00\n5,00") == ["5,00", "7,00"]


def test_dates_over_several_words() -> None:
    assert found("date", "Berlin, 5. März 2024 und 01.02.2024") == ["5. März 2024", "01.02.2024"]


def test_only_sound_ibans_are_offered_when_there_is_one() -> None:
    text = "IBAN:DE89 3704 0044 0532 0130 00\nDE00 3704 0044 0532 0130 00"
    assert found("iban", text) == ["DE89 3704 0044 0532 0130 00"]


def test_a_mistyped_iban_is_offered_when_there_is_no_other() -> None:
    assert "DE00 3704 0044 0532 0130 00" in found("iban", "IBAN DE00 3704 0044 0532 0130 00")


def test_vat_ids_in_one_and_several_words() -> None:
    assert found("vat", "USt-IdNr.: DE123456789") == ["DE123456789"]
    assert "FR 12 345678901" in found("vat", "TVA FR 12 345678901")


def test_currencies_as_code_and_sign() -> None:
    assert found("currency", "Total EUR 12.00 or $13.00 CHF5") == ["EUR", "$", "CHF"]


def test_countries_as_name_and_before_a_postcode() -> None:
    assert found("country", "DE-12345 Berlin\nUnited Kingdom") == ["DE", "United Kingdom"]


def test_numbers_are_amounts_without_money() -> None:
    assert found("number", "3 Stk 2,5 kg") == ["3", "2,5"]
