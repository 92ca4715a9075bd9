"""Values as columns and back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.db.saving import split_path
from llava_ocr.db.values import boxes_json, boxes_of, clean, columns_of, texts_json, value_of
from llava_ocr.geometry import Box

unit = st.floats(0, 1)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14))
def test_amounts_come_back_and_scale_exactly(value: Decimal) -> None:
    value_type, text, scaled = columns_of(value)
    assert value_of(value_type, text) == value and Decimal(scaled) / 10_000 == value


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14), max_size=6))
def test_scaled_amounts_sort_like_amounts(values: list[Decimal]) -> None:
    scaled = [columns_of(value)[2] for value in sorted(values)]
    assert scaled == sorted(scaled)


@given(
    st.one_of(
        st.none(), st.dates(), st.booleans(), st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"))
    )
)
def test_values_come_back(value: str | date | bool | None) -> None:
    value_type, text, _ = columns_of(value)
    assert value_of(value_type, text) == value and type(value_of(value_type, text)) is type(value)


def test_what_is_no_number_is_kept_as_written() -> None:
    assert columns_of(Decimal("NaN")) == ("text", "NaN", None)
    assert columns_of(Decimal("1E+999999")) == ("text", "1E+999999", None)


@given(st.text(max_size=50), st.integers(2, 20))
def test_clean_text_is_short_and_encodable(text: str, max_chars: int) -> None:
    cleaned = clean(text, max_chars=max_chars)
    assert len(cleaned) <= max_chars and "\0" not in cleaned and cleaned.encode() is not None


@given(st.lists(st.builds(Box, unit, unit, unit, unit), max_size=3))
def test_boxes_come_back_to_a_millionth(boxes: list[Box]) -> None:
    for before, after in zip(boxes, boxes_of(boxes_json(boxes)), strict=True):
        assert max(abs(before.x0 - after.x0), abs(before.y1 - after.y1)) <= 1e-6


def test_paths_split_into_schema_and_row() -> None:
    assert split_path("lines[12].item.amount") == ("lines[].item.amount", 12)
    assert split_path("seller.name") == ("seller.name", None)


def test_candidates_are_bounded() -> None:
    assert len(texts_json(["x" * 5_000] * 100)) < 110_000
