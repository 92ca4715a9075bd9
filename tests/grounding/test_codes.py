import pytest

from llava_ocr.grounding.codes import country_code, has_iban_shape, is_iban, is_vat
from llava_ocr.grounding.currencies import currency_readings


@pytest.mark.parametrize(
    "text", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606"]
)
def test_sound_ibans_pass(text: str) -> None:
    assert is_iban(text)


@pytest.mark.parametrize(
    "text", ["DE89 3704 0044 0532 0130 01", "DE89370400440532013", "GB28WEST12345698765432", "12345"]
)
def test_mistyped_ibans_fail(text: str) -> None:
    assert not is_iban(text)


def test_a_mistyped_iban_still_has_the_shape_of_one() -> None:
    assert has_iban_shape("DE89 3704 0044 0532 0130 01")


def test_a_vat_id_starts_with_a_country_and_is_no_iban() -> None:
    assert is_vat("DE 123 456 789")
    assert is_vat("EL123456789")
    assert not is_vat("ORDER12345")
    assert not is_vat("DE89 3704 0044 0532 0130 00")


@pytest.mark.parametrize(("text", "code"), [("€", "EUR"), ("eur", "EUR"), ("RM", "MYR"), ("£", "GBP"), ("CHF", "CHF")])
def test_currencies_by_sign_and_code(text: str, code: str) -> None:
    assert currency_readings(text) == (code,)


def test_a_dollar_is_first_of_all_american() -> None:
    assert currency_readings("$")[0] == "USD"


@pytest.mark.parametrize(
    ("text", "code"),
    [("Deutschland", "DE"), ("ROYAUME-UNI", "GB"), ("Österreich", "AT"), ("FR", "FR"), ("Narnia", None)],
)
def test_countries_by_name_in_three_languages(text: str, code: str | None) -> None:
    assert country_code(text) == code
