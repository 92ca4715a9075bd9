"""What stands under which caption, on pages of types that nobody trained for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import Date, DocumentSchema, Money, Text, read, tree
from llava_ocr.words.layout import lay_out
from tests.fakes import ASPECT, words_of


class Cover(DocumentSchema):
    """An insurance schedule."""

    customer: Text | None = read("Who is insured", labels=("Customer", "Kunde"))
    policy: Text | None = read("The policy", labels=("Policy", "Police"))
    version: Text | None = read("Its version", labels=("Version",))
    insured_from: Date | None = read("First day", labels=("Period of insurance", "Insured from - to"))
    insured_to: Date | None = read("Last day", labels=("Period of insurance", "Insured from - to"))
    limit_min: Money | None = read("Lower limit", labels=("Limits",))
    limit_max: Money | None = read("Upper limit", labels=("Limits",))
    address: Text | None = read("Where it stands", labels=("Risk address",))
    agent: Text | None = read("Who sold it", labels=("Agent",))


class Plain(DocumentSchema):
    """What somebody writes who gives no labels."""

    contract_number: Text | None = read("The contract")
    start_date: Date | None = read("The day on which it begins, as agreed by both")
    end_date: Date | None = read("The day on which it ends, as agreed by both")
    deposit: Money | None = read("What the tenant leaves with the landlord")


def said(schema: type[DocumentSchema], page: str) -> dict[str, str]:
    return guesses(tree(schema), lay_out(words_of(page), aspect=ASPECT))


@pytest.mark.parametrize(
    ("page", "value"),
    [
        ("Customer code: 4711", None),
        ("Customer code 4711", None),
        ("Customer no.: 4711\nCustomer: Miller Ltd", "Miller Ltd"),
        ("Customer code: 4711\nCustomer: Miller Ltd", "Miller Ltd"),
        ("Customer (see notes): Miller Ltd", "Miller Ltd"),
        ("Customer / Kunde: Miller Ltd", "Miller Ltd"),
        ("Please quote the Customer whenever you write to one of our many offices", None),
    ],
)
def test_a_label_that_only_begins_a_caption_takes_nothing_of_it(page: str, value: str | None) -> None:
    assert said(Cover, page).get("customer") == value


@pytest.mark.parametrize("caption", ["Insured from - to", "Period of insurance"])
@pytest.mark.parametrize("joint", [" - ", " to ", " bis ", " au ", " – "])
@pytest.mark.parametrize("between", [": ", ":       ", "\n"])
def test_a_range_gives_each_end_to_the_field_that_means_it(caption: str, joint: str, between: str) -> None:
    found = said(Cover, f"{caption}{between}05.02.2024{joint}17.03.2024")
    assert (found.get("insured_from"), found.get("insured_to")) == ("05.02.2024", "17.03.2024")


def test_a_range_may_go_on_in_the_next_line() -> None:
    found = said(Cover, "Period of insurance:   05.02.2024 -\n                       17.03.2024")
    assert (found.get("insured_from"), found.get("insured_to")) == ("05.02.2024", "17.03.2024")


def test_amounts_have_ranges_too() -> None:
    found = said(Cover, "Limits: 1,000.00 - 2,500.00")
    assert (found.get("limit_min"), found.get("limit_max")) == ("1,000.00", "2,500.00")


def test_amounts_below_each_other_are_no_range() -> None:
    found = said(Cover, "Limits\n1,000.00 €\n2,500.00 €")
    assert found.get("limit_max") != "2,500.00"


@pytest.mark.parametrize(
    "page",
    [
        "Policy / Version: 48211 / 2",
        "Policy/Version:      48211 / 2",
        "Agent          Policy / Version\nAnn Lee        48211 / 2",
    ],
)
def test_each_part_of_a_caption_has_its_part_of_the_value(page: str) -> None:
    found = said(Cover, page)
    assert (found.get("policy"), found.get("version")) == ("48211", "2")


def test_a_line_of_captions_stands_over_a_line_of_values() -> None:
    page = "Branch     Agent      Customer      Region\nDover      Ann Lee    Miller Ltd    Kent"
    found = said(Cover, page)
    assert (found.get("agent"), found.get("customer")) == ("Ann Lee", "Miller Ltd")


def test_an_address_goes_on_over_its_lines_and_ends_at_the_next_caption() -> None:
    page = (
        "Risk address:   12 High Street\n                Harbour Side\n                Dover\nAgent:          Ann Lee"
    )
    found = said(Cover, page)
    assert (found.get("address"), found.get("agent")) == ("12 High Street Harbour Side Dover", "Ann Lee")


def test_a_next_caption_is_no_value() -> None:
    assert "agent" not in said(Cover, "Agent:\nBranch: Dover")


@pytest.mark.parametrize(
    "page",
    [
        "Contract no.: K-471\nStart: 01.02.2024\nEnd: 31.01.2025\nDeposit: 900.00",
        "Vertragsnummer: K-471\nBeginn: 01.02.2024\nEnde: 31.01.2025\nKaution: 900,00",
        "N° de contrat : K-471\nDate de début : 01.02.2024\nDate de fin : 31.01.2025\nCaution : 900,00",
        "Contrato n.: K-471\nFecha de inicio: 01.02.2024\nFecha de fin: 31.01.2025\nFianza: 900,00",
        "Contractnummer: K-471\nDatum aanvang: 01.02.2024\nEinddatum: 31.01.2025\nWaarborgsom: 900,00",
        "Numero contratto: K-471\nData inizio: 01.02.2024\nData fine: 31.01.2025\nCauzione: 900,00",
    ],
)
def test_captions_are_known_by_what_they_mean(page: str) -> None:
    found = said(Plain, page)
    assert (found.get("contract_number"), found.get("start_date"), found.get("end_date")) == (
        "K-471",
        "01.02.2024",
        "31.01.2025",
    )
    assert found.get("deposit", "").startswith("900")


@given(
    st.lists(
        st.sampled_from(["Customer", "Agent", "Policy", "Limits", "Risk", "code", "12", "/", "-", ":"]), max_size=12
    )
)
def test_no_heap_of_captions_is_too_much(words: list[str]) -> None:
    for path, text in said(Cover, " ".join(words)).items():
        assert text and ":" not in text, path
