from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.ground import PageReading
from llava_ocr.merge.pages import merge_pages
from llava_ocr.records import FieldReading, FieldState, FieldValue


def reading(path: str, text: str | None, *, value: FieldValue = None, near: float | None = None) -> PageReading:
    state = FieldState.ABSENT if text is None else FieldState.VALUE
    return PageReading(FieldReading(path, state, text, text if value is None else value, 0.5), near)


Page = list[PageReading]
totals = st.one_of(st.none(), st.integers(1, 3).map(str)).map(lambda text: reading("total", text))
tables = st.lists(st.text("abc", min_size=1, max_size=3), max_size=4).map(
    lambda cells: [reading(f"lines[{index}].what", cell) for index, cell in enumerate(cells)]
)
pages = st.lists(st.tuples(totals, tables).map(lambda parts: [parts[0], *parts[1]]), min_size=1, max_size=4)


def test_equal_values_in_two_forms_agree() -> None:
    first = reading("total", "1,200.00", value=Decimal("1200.00"))
    second = reading("total", "1200", value=Decimal(1200))
    [merged] = merge_pages([[first], [second]])
    assert merged.state is FieldState.VALUE


def test_a_page_that_does_not_say_leaves_the_value_of_one_that_does() -> None:
    [merged] = merge_pages([[reading("total", None)], [reading("total", "5")]])
    assert merged.text == "5"


def test_different_values_are_in_conflict_and_both_are_kept() -> None:
    [merged] = merge_pages([[reading("total", "5")], [reading("total", "6")]])
    assert (merged.state, merged.value, merged.candidates) == (FieldState.CONFLICT, None, ("5", "6"))


def test_the_value_beside_its_label_wins() -> None:
    [merged] = merge_pages([[reading("total", "5")], [reading("total", "6", near=0.1)]])
    assert (merged.state, merged.text) == (FieldState.VALUE, "6")


def test_the_value_that_lost_stays_a_candidate() -> None:
    [merged] = merge_pages([[reading("total", "5")], [reading("total", "6", near=0.1)]])
    assert merged.candidates == ("5",)


@settings(deadline=None, max_examples=60)
@given(pages)
def test_every_row_is_kept_in_page_order(read: list[Page]) -> None:
    printed = [entry.reading.text for page in read for entry in page if entry.reading.path != "total"]
    rows = [field for field in merge_pages(read) if field.path != "total"]
    assert [field.text for field in rows] == printed
    assert [field.path for field in rows] == [f"lines[{index}].what" for index in range(len(rows))]


@settings(deadline=None, max_examples=60)
@given(pages)
def test_merging_what_is_merged_changes_nothing(read: list[Page]) -> None:
    once = merge_pages(read)
    assert merge_pages([[PageReading(field) for field in once]]) == once


@settings(deadline=None, max_examples=60)
@given(pages)
def test_no_value_of_the_header_is_lost(read: list[Page]) -> None:
    said = {page[0].reading.text for page in read} - {None}
    merged = merge_pages(read)[0]
    assert said == ({merged.text} | set(merged.candidates)) - {None}
