import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.candidates import spans
from llava_ocr.schema import leaves, tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from schemas.w9 import W9
from tests.fakes import ASPECT, words_of

LEAVES = {leaf.path: leaf for schema in (Invoice, W9) for leaf in leaves(tree(schema))}


def found(text: str, path: str) -> tuple[str, ...]:
    return spans(lay_out(words_of(text), aspect=ASPECT), LEAVES[path])


def test_amounts_come_with_their_sign_and_without_currency_unless_it_stands_between() -> None:
    assert found("Total:12.00 paid €1,234.56 back -€5.00 off (3.00)", "net_total") == (
        "12.00",
        "1,234.56",
        "-€5.00",
        "(3.00)",
    )


def test_amounts_grouped_by_spaces_are_found_whole() -> None:
    assert "1 234 567,89" in found("Total 1 234 567,89 €", "grand_total")


def test_telephone_numbers_and_percentages_are_no_amounts() -> None:
    assert found("Tel 0301234567 at 19% or 19 %", "net_total") == ()


def test_dates_may_span_words_and_follow_a_glued_label() -> None:
    assert found("Date:5. März 2024 or March 6, 2024", "issue_date") == ("5. März 2024", "March 6, 2024")


def test_an_iban_is_found_in_groups_and_behind_its_label() -> None:
    assert found("Pay to IBAN: DE89 3704 0044 0532 0130 00 soon", "iban") == ("DE89 3704 0044 0532 0130 00",)
    assert found("IBAN:GB82WEST12345698765432", "iban") == ("GB82WEST12345698765432",)


def test_a_mistyped_iban_is_no_account() -> None:
    assert found("IBAN DE89 3704 0044 0532 0130 01", "iban") == ()


@pytest.mark.parametrize("text", ["IN VOICE 2023", "Rs 1939 x 1 Night x 1 Room", "INV/2023/03/0008", "CA6707/10"])
def test_prose_is_neither_an_account_nor_a_vat_id(text: str) -> None:
    assert (found(text, "iban"), found(text, "seller.vat_id")) == ((), ())


def test_a_vat_id_without_its_country_needs_a_label() -> None:
    assert found("VAT Reg No: 980 7806 84 page 2", "seller.vat_id") == ("980 7806 84",)
    assert found("VAT ID\n00743110157", "seller.vat_id") == ("00743110157",)
    assert found("Phone 980 7806 84", "seller.vat_id") == ()


def test_currencies_are_found_as_sign_and_as_code() -> None:
    assert found("Total EUR12.00 or 13.00USD or €14", "currency") == ("EUR", "USD", "€")


def test_countries_are_found_by_name_and_by_postcode_prefix() -> None:
    assert found("United Kingdom\nDE-10115 Berlin", "seller.country") == ("United Kingdom", "DE")


@pytest.mark.parametrize(
    ("text", "countries"),
    [
        ("10115 Berlin, DE", ("DE",)),
        ("AT 1010 Wien", ("AT",)),
        ("London SW1A 1AA, GB", ("GB",)),
        ("San Francisco, CA 94105, US", ("US",)),
        ("Country: IT", ("IT",)),
        ("10115 Berlin\nDE", ("DE",)),
        ("San Francisco, CA 94105", ()),
        ("Indianapolis, IN 46204", ()),
        ("Wilmington, DE 19801", ()),
        ("DE 19801", ()),
        ("Atlanta, Georgia 30301", ()),
        ("IS IT IN ORDER NO", ()),
        ("Pos. NO IT", ()),
        ("turkey and china", ()),
        ("CA-6707 Kit", ()),
        ("Türkiye", ("Türkiye",)),
    ],
)
def test_two_letters_are_a_country_only_where_they_stand_as_one(text: str, countries: tuple[str, ...]) -> None:
    assert found(text, "seller.country") == countries


def test_codes_do_not_swallow_a_dash_behind_them() -> None:
    assert found("USt-IdNr DE136695976 - Berlin", "seller.vat_id") == ("DE136695976",)


def test_social_security_numbers_are_found() -> None:
    assert found("SSN 123-45-6789", "ssn") == ("123-45-6789",)


def test_each_candidate_comes_once_in_reading_order() -> None:
    assert found("2.00 1.00\n2.00 3.00", "net_total") == ("2.00", "1.00", "3.00")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("0123456789.,-€ aAE(", min_size=1, max_size=9), max_size=12))
def test_every_candidate_stands_on_the_page_and_is_an_amount(parts: list[str]) -> None:
    text = " ".join(" ".join(parts).split())
    for candidate in found(text, "net_total"):
        assert amount_readings(candidate)
        assert set(candidate) <= set(text)
