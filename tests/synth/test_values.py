"""Numbers, dates and codes as they are written."""

import re
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.synth.codes import make_iban, make_vat_id, write_vat_id
from llava_ocr.synth.conventions import Style, write_date
from llava_ocr.synth.phrases import Value, tokens
from llava_ocr.synth.streams import stream

GERMAN = Style("de", ".", ",", "%d.%m.%Y", "after", "€")
amounts = st.decimals(min_value=-(10**7), max_value=10**7, places=2)


@settings(deadline=None, max_examples=100)
@given(amounts, st.sampled_from([(".", ","), (",", "."), (" ", ","), ("", "."), ("’", ".")]))
def test_amounts_can_be_read_back(amount: Decimal, signs: tuple[str, str]) -> None:
    thousands, decimal = signs
    written = Style("en", thousands, decimal, "%d", "plain", "").amount(amount)
    assert Decimal(written.replace(thousands, "").replace(decimal, ".")) == amount


def test_dates_are_written_in_the_documents_language() -> None:
    day = date(2024, 3, 1)
    assert write_date(day, "%-d. %B %Y", "de") == "1. März 2024"
    assert write_date(day, "%-d %B %Y", "fr") == "1er mars 2024"
    assert write_date(day, "%B %-d, %Y", "en") == "March 1, 2024"
    assert write_date(day, "%-dth %B %Y", "en") == "1st March 2024"


@settings(deadline=None, max_examples=60)
@given(st.integers(), st.sampled_from(["DE", "AT", "CH", "FR", "BE", "GB", "US"]))
def test_ibans_have_valid_check_digits(seed: int, country: str) -> None:
    iban = make_iban(stream(seed), country)
    assert int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def test_a_vat_id_is_the_same_however_it_is_grouped() -> None:
    for seed in range(50):
        vat_id = make_vat_id(stream(seed), "FR")
        assert vat_id is not None
        assert re.sub(r"\s", "", write_vat_id(stream(seed), vat_id)) == vat_id


def test_parts_that_touch_make_one_word_that_belongs_to_the_value() -> None:
    phrase = ("No: ", Value("12 34", ("number",)), ", paid")
    assert tokens(phrase) == [("No:", (), False), ("12", (1,), False), ("34,", (1,), False), ("paid", (), False)]
