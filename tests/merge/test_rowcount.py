"""How many rows a page shows, by its words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.merge.rowcount import MIN_ROWS, count_rows, missed_rows
from llava_ocr.synth.paint import paint
from llava_ocr.synth.statement import paint_statement
from llava_ocr.words.layout import Layout, lay_out
from tests.fakes import words_of

HEAD = "Bank of Somewhere   IBAN DE89 3704 0044\nPage 3 of 30\n\nDate         Details          Amount    Balance\n"


def page(num_rows: int, *, foot: str = "") -> Layout:
    lines = [f"{n + 1:02}.03.2024   Purchase{n:03}   {n + 10:>9}.50   {n + 900:>7}.25" for n in range(num_rows)]
    return lay_out(words_of(HEAD + "\n".join([*lines, foot])), aspect=0.7)


@given(st.integers(MIN_ROWS, 28))
def test_every_row_is_counted_and_nothing_else(num_rows: int) -> None:
    foot = "\n             Carried forward                 1234.25\n\nQuestions? Call 0800 4711"
    assert len(count_rows(page(num_rows, foot=foot))) == num_rows


@pytest.mark.parametrize("num_rows", range(MIN_ROWS))
def test_a_few_lines_may_share_columns_by_accident(num_rows: int) -> None:
    assert count_rows(page(num_rows)) == ()


def test_a_page_without_words_shows_no_rows() -> None:
    assert count_rows(None) == () == count_rows(lay_out([], aspect=0.7))


@given(st.integers(MIN_ROWS, 28), st.data())
def test_the_rows_that_were_not_read_are_named(num_rows: int, data: st.DataObject) -> None:
    counted = count_rows(page(num_rows))
    lost = data.draw(st.sets(st.integers(0, num_rows - 1)))
    read = [box for number, box in enumerate(counted) if number not in lost]
    assert missed_rows(counted, read) == tuple(counted[number] for number in sorted(lost))


def painted(pages: tuple) -> list[tuple[int, Layout]]:
    return [(index, lay_out(one.words, aspect=one.width_pt / one.height_pt)) for index, one in enumerate(pages)]


@pytest.mark.parametrize("seed", range(6))
def test_painted_statements_show_as_many_rows_as_were_painted(seed: int) -> None:
    document = paint_statement(seed, num_bookings=100, rows_per_page=25)
    for index, layout in painted(document.pages):
        begun = {v.path for v in document.printed if v.page_index == index and v.path.endswith(".date")}
        begun = {path for path in begun if path.startswith("entries")}
        assert len(count_rows(layout)) in (len(begun), 0), (seed, index)


def test_other_documents_are_hardly_ever_said_to_have_rows_that_they_have_not() -> None:
    num_pages = num_wrong = 0
    for schema in ("invoice", "receipt", "purchase_order"):
        for seed in range(15):
            document = paint(schema, seed)
            for index, layout in painted(document.pages):
                cells = [v for v in document.printed if v.page_index == index and "[" in v.path]
                boxes = [document.pages[index].words[word].box for value in cells for word in value.words]
                num_pages += 1
                num_wrong += bool(missed_rows(count_rows(layout), boxes))
    assert num_wrong <= 0.05 * num_pages, (num_wrong, num_pages)
