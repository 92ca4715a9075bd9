"""Which requests a document takes: every page and row once, as much together as has room."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.planner import Focus, PageNeeds, Room, Window, again, cut_between, halves, in_passes, plan

ROOM = Room(
    context_tokens=4096,
    max_answer_tokens=2048,
    max_pages=1,
    num_question_tokens=200,
    num_header_tokens=150,
    num_row_tokens=50,
)
MISTRAL = replace(ROOM, context_tokens=32_768, max_pages=4)

heights = st.lists(st.integers(1, 999), unique=True, max_size=60).map(lambda ys: tuple(y / 1000 for y in sorted(ys)))


@st.composite
def documents(draw: st.DrawFn) -> list[PageNeeds]:
    made = []
    for index in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 9)):
            visual, words = draw(st.integers(200, 3_000)), draw(st.integers(0, 2_500))
            made.append(PageNeeds(index, visual, words, draw(heights), has_words=draw(st.booleans())))
    return made


rooms = st.builds(
    replace,
    st.just(ROOM),
    context_tokens=st.sampled_from([2048, 4096, 32_768]),
    max_pages=st.integers(1, 5),
    num_row_tokens=st.sampled_from([0, 50]),
)


@given(documents(), rooms)
def test_every_page_is_asked_for_everything_and_for_nothing_twice(pages: list[PageNeeds], room: Room) -> None:
    asked: dict[int, list[Window]] = {}
    for window in plan(pages, room):
        for index in window.pages:
            asked.setdefault(index, []).append(window)
    assert set(asked) == {page.page_index for page in pages}
    for windows in asked.values():
        parts = {window.focus for window in windows}
        assert parts in ({Focus.ALL}, {Focus.HEADER, Focus.LISTS})
        assert Focus.ALL not in parts or len(windows) == 1
        assert len({(window.focus, window.band) for window in windows}) == len(windows)


@given(documents(), rooms)
def test_pages_that_are_asked_together_are_neighbours_and_have_room(pages: list[PageNeeds], room: Room) -> None:
    needs = {page.page_index: page for page in pages}
    for window in plan(pages, room):
        together = [needs[index] for index in window.pages]
        assert len(together) <= room.max_pages
        assert all(after == before + 1 for before, after in pairwise(window.pages))
        assert len({page.has_words for page in together}) == 1
        assert len(together) == 1 or room.fits(together, window.focus)


@given(documents())
def test_windows_come_in_the_order_of_the_pages(pages: list[PageNeeds]) -> None:
    firsts = [window.pages[0] for window in plan(pages, MISTRAL)]
    assert firsts == sorted(firsts)


def test_a_page_with_room_is_one_request() -> None:
    assert plan([PageNeeds(0, 1_200, 600, (0.2, 0.3))], ROOM) == [Window((0,))]


def test_a_long_context_takes_several_pages_at_once() -> None:
    pages = [PageNeeds(index, 2_880, 900, (0.2, 0.3)) for index in range(7)]
    assert [window.pages for window in plan(pages, MISTRAL)] == [(0, 1, 2, 3), (4, 5, 6)]


def test_a_short_context_takes_header_and_lists_apart() -> None:
    page = PageNeeds(0, 1_500, 600, tuple(number / 100 for number in range(20, 54)))
    assert [window.focus for window in plan([page], ROOM)] == [Focus.HEADER, Focus.LISTS]


def test_a_page_between_without_header_labels_is_asked_for_its_rows_alone() -> None:
    page = PageNeeds(3, 2_400, 900, tuple(number / 100 for number in range(20, 60)), has_header=False)
    windows = in_passes(page, ROOM)
    assert {window.focus for window in windows} == {Focus.LISTS} and len(windows) > 1


@given(heights.filter(lambda ys: len(ys) >= 2), st.data())
def test_bands_hold_every_row_once(rows: tuple[float, ...], data: st.DataObject) -> None:
    bands = cut_between(rows, data.draw(st.integers(1, len(rows))))
    assert (bands[0].top, bands[-1].bottom) == (0.0, 1.0)
    assert all(sum(band.holds(y) for band in bands) == 1 for y in rows)


@given(heights, st.data(), st.integers(1, 9))
def test_only_missing_rows_are_read_again_and_each_once(
    rows: tuple[float, ...], data: st.DataObject, max_rows: int
) -> None:
    missing = data.draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []
    windows = again(2, missing, rows, max_rows=max_rows)
    held = [[y for y in rows if window.band is not None and window.band.holds(y)] for window in windows]
    assert sorted(y for band in held for y in band) == sorted(missing)
    assert all(1 <= len(band) <= max_rows for band in held)
    assert all(window.is_again and window.focus is Focus.LISTS for window in windows)


@given(heights.filter(lambda ys: len(ys) >= 2))
def test_halves_hold_every_row_once_and_fewer_each(rows: tuple[float, ...]) -> None:
    parts = halves(Window((1,), Focus.LISTS), rows)
    held = [[y for y in rows if window.band is not None and window.band.holds(y)] for window in parts]
    assert sorted(y for band in held for y in band) == list(rows)
    assert all(0 < len(band) < len(rows) for band in held)


@given(documents(), rooms)
def test_no_two_windows_of_a_document_are_called_alike(pages: list[PageNeeds], room: Room) -> None:
    names = [window.name for window in plan(pages, room)]
    assert len(set(names)) == len(names)
