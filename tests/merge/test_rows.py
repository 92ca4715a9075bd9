"""Rows over pages: what is no row goes, what was parted by a page's end is joined, all else stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.geometry import Box
from llava_ocr.grounding.ground import PageReading
from llava_ocr.merge.pages import merge_pages
from llava_ocr.merge.rows import in_page_order
from llava_ocr.records import Evidence, FieldReading, FieldState, WordReader
from llava_ocr.schema import tree
from schemas.statement import Statement

ROOT = tree(Statement)
NAMES = ("date", "description", "amount", "balance")
Table = list[tuple[str | None, ...]]

texts = st.text("abcdefg", min_size=3, max_size=8)
amounts = st.integers(1, 99_999).map(lambda cents: f"{cents / 100:.2f}")
bookings = st.tuples(st.just("01.03.2024"), texts, amounts, amounts)
documents = st.lists(st.lists(bookings, min_size=1, max_size=4), min_size=1, max_size=5)

HEADINGS: Table = [("Date", "Description", "Amount", "Balance"), ("Datum", "Verwendungszweck", "Betrag", None)]
CARRIED: Table = [
    (None, "Carried forward", "12.50", None),
    (None, "Übertrag", None, "12.50"),
    (None, "Zwischensumme", "12.50", None),
    (None, "À reporter", None, "12.50"),
    (None, "Sous-total", None, "12.50"),
]
COUNTERS: Table = [(None, "Page 3 of 30", None, None), (None, "Seite 3 von 30", None, None), (None, "3/30", None, None)]


def cell(path: str, text: str | None, *, page: int, y: float) -> PageReading:
    if text is None:
        return PageReading(FieldReading(path, FieldState.ABSENT))
    is_amount = path.endswith(("amount", "balance")) and text[0].isdigit()
    evidence = Evidence(page, (Box(0.1, y, 0.2, y + 0.01),), WordReader.TEXT_LAYER, 1.0)
    value = Decimal(text) if is_amount else text
    return PageReading(FieldReading(path, FieldState.VALUE, text, value, 0.9, evidence))


def readings(rows: Sequence[tuple[str | None, ...]], *, page: int = 0, top: int = 0) -> list[PageReading]:
    return [
        cell(f"entries[{index}].{name}", text, page=page, y=0.02 * (index + top) + 0.01)
        for index, row in enumerate(rows)
        for name, text in zip(NAMES, row, strict=True)
    ]


def merged(pages: Sequence[Sequence[tuple[str | None, ...]]]) -> Table:
    fields = merge_pages([readings(rows, page=number) for number, rows in enumerate(pages)], ROOT)
    rows: dict[str, list[str | None]] = {}
    for field in fields:
        rows.setdefault(field.path.partition(".")[0], []).append(field.text)
    return [tuple(row) for row in rows.values()]


def flat(pages: Sequence[Table]) -> Table:
    return [row for page in pages for row in page]


@given(documents)
def test_plain_rows_stay_as_they_are(pages: list[Table]) -> None:
    assert merged(pages) == flat(pages)


@given(documents, st.data())
def test_repeated_headings_are_no_rows(pages: list[Table], data: st.DataObject) -> None:
    heading = data.draw(st.sampled_from(HEADINGS))
    assert merged([[heading, *page] for page in pages]) == flat(pages)


@given(documents.filter(lambda pages: len(pages) > 1), st.data())
def test_balances_carried_over_are_no_rows(pages: list[Table], data: st.DataObject) -> None:
    lines = st.lists(st.sampled_from(CARRIED), max_size=1)
    noisy = [[*data.draw(lines), *page, *data.draw(lines)] for page in pages]
    assert merged(noisy) == flat(pages)


@given(documents, st.data())
def test_page_counters_are_no_rows(pages: list[Table], data: st.DataObject) -> None:
    noisy = [[*page, data.draw(st.sampled_from(COUNTERS))] for page in pages]
    assert merged(noisy) == flat(pages)


@given(documents.filter(lambda pages: len(pages) > 1), texts)
def test_a_text_that_goes_on_overleaf_belongs_to_the_row_before(pages: list[Table], more: str) -> None:
    parted = [pages[0], *([(None, more, None, None), *page] for page in pages[1:])]
    expected = flat([[*page[:-1], (page[-1][0], f"{page[-1][1]} {more}", *page[-1][2:])] for page in pages[:-1]])
    assert merged(parted) == expected + pages[-1]


@given(documents, st.data())
def test_every_kind_of_noise_at_once_changes_nothing(pages: list[Table], data: st.DataObject) -> None:
    heading = data.draw(st.sampled_from(HEADINGS))
    counter = data.draw(st.sampled_from(COUNTERS))
    foot = [data.draw(st.sampled_from(CARRIED))] if len(pages) > 1 else []
    assert merged([[heading, *page, *foot, counter] for page in pages]) == flat(pages)


def test_a_sum_in_a_document_of_one_page_is_what_was_read() -> None:
    rows: Table = [("01.03.2024", "abc", "1.00", None), (None, "Subtotal", "1.00", None)]
    assert merged([rows]) == rows


@given(st.lists(bookings, min_size=1, max_size=12), st.data())
def test_rows_read_twice_stand_once_and_in_their_order(rows: Table, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(rows) - 1))
    last = data.draw(st.integers(first, len(rows)))
    lost = data.draw(st.integers(first, last))
    # The first answer lacks the rows before `lost`; the second, about a band, has some that the first has too.
    whole = readings([*rows[:first], *rows[lost:]])
    kept = [*range(first), *range(lost, len(rows))]
    whole = [
        cell(one.reading.path, one.reading.text, page=0, y=0.02 * kept[index // len(NAMES)] + 0.01)
        for index, one in enumerate(whole)
    ]
    joined = in_page_order([whole, readings(rows[first:last], top=first)])
    found = [entry.reading.text for entry in joined]
    assert found == [text for row in rows for text in row]
