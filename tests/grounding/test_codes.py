"""IBANs, VAT ids and countries: their form and check digits decide, never their mere shape."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.codes import CHECKSUMS, compact, has_iban_shape, is_iban, is_national_vat, is_vat
from llava_ocr.grounding.countries import country_code
from llava_ocr.grounding.currencies import currency_readings
from llava_ocr.synth.codes import IBAN_SHAPES, in_groups, make_iban, make_vat_id
from llava_ocr.synth.streams import stream

VAT_IDS = (
    *("ATU13585627", "BE 0403.019.261", "BG 175 074 752", "CY-10259033P", "CZ 25123891", "DE 136 695 976"),
    *("DK 13585628", "EE 100 931 558", "EL 094259216", "ES B-58378431", "FI 20774740", "FR 40 303 265 045"),
    *("HR 33392005961", "HU-12892312", "IE 6433435F", "IT 00743110157", "LT 119511515", "LU 150 274 42"),
    *("LV 4000 3521 600", "MT 1167-9112", "NL 4495445B01", "PL 8567346215", "PT 501 964 843", "RO 185 472 90"),
    *("SE 123456789701", "SI 5022 3054", "SK 202 274 96 19", "XI 980 7806 84", "GB 980 7806 84"),
    *("CHE-116.281.710 MWST", "CHE-116.281.710", "NO 995 525 828 MVA"),
)
PROSE = (
    *("IN VOICE 2023", "DE12345", "INV/2023/03/0008", "CA6707/10", "RS 1939 X 1 NIGHT X 1 ROOM", "ORDER12345"),
    *("DE 19801", "AT 1010 Wien", "NO 12345678", "IS 12345", "IT 2023 0815", "DE123456789", "de136695976"),
    *("FRDEBIT", "DE89 3704 0044", "080 100 444 66"),
)


@pytest.mark.parametrize(
    "text", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606"]
)
def test_sound_ibans_pass(text: str) -> None:
    assert is_iban(text)


@pytest.mark.parametrize(
    "text", ["DE89 3704 0044 0532 0130 01", "DE89370400440532013", "GB28WEST12345698765432", "12345", *PROSE]
)
def test_mistyped_ibans_and_prose_fail(text: str) -> None:
    assert not is_iban(text)


@settings(deadline=None, max_examples=150)
@given(st.integers(), st.sampled_from(sorted(IBAN_SHAPES)), st.integers(4, 14), st.integers(1, 9))
def test_one_wrong_figure_makes_an_iban_none(seed: int, country: str, at: int, more: int) -> None:
    iban = make_iban(stream(seed), country)
    assert is_iban(in_groups(iban, 4))
    if iban[at].isdigit():
        wrong = f"{iban[:at]}{(int(iban[at]) + more) % 10}{iban[at + 1 :]}"
        assert not is_iban(wrong) and has_iban_shape(wrong)


@pytest.mark.parametrize("text", VAT_IDS)
def test_vat_ids_of_each_country_pass(text: str) -> None:
    assert is_vat(text) and is_vat(compact(text))


@pytest.mark.parametrize("text", PROSE)
def test_prose_and_numbers_are_no_vat_ids(text: str) -> None:
    assert not is_vat(text)


@settings(deadline=None, max_examples=100)
@given(st.integers(), st.sampled_from(["DE", "AT", "FR", "BE", "GB", "IE", "CH"]))
def test_painted_vat_ids_have_their_check_digits(seed: int, country: str) -> None:
    made = make_vat_id(stream(seed), country)
    assert made is not None and is_vat(made)


@pytest.mark.parametrize("text", ["00743110157", "526-000-12-46", "136695976", "995 525 828"])
def test_a_vat_id_without_its_country_has_check_digits_too(text: str) -> None:
    assert is_national_vat(text) and not is_vat(text) and CHECKSUMS["vat"](text)


@pytest.mark.parametrize(("text", "code"), [("€", "EUR"), ("eur", "EUR"), ("RM", "MYR"), ("£", "GBP"), ("CHF", "CHF")])
def test_currencies_by_sign_and_code(text: str, code: str) -> None:
    assert currency_readings(text) == (code,)


def test_a_dollar_is_first_of_all_american() -> None:
    assert currency_readings("$")[0] == "USD"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Deutschland", "DE"),
        ("ROYAUME-UNI", "GB"),
        ("Österreich", "AT"),
        ("Oesterreich", "AT"),
        ("ESPAÑA", "ES"),
        ("Republica Moldova", "MD"),
        ("Polska", "PL"),
        ("Ελλάδα", "GR"),
        ("日本", "JP"),
        ("대한민국", "KR"),
        ("The Netherlands", "NL"),
        ("FR", "FR"),
        ("Narnia", None),
        ("EU", None),
    ],
)
def test_countries_by_name_in_the_languages_that_are_read(text: str, code: str | None) -> None:
    assert country_code(text) == code
