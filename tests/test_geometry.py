from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.geometry import Box, Grid, Size, Turn, box_of_px, fit_within, turn_of, union

edges = st.floats(0, 1, allow_nan=False)
sizes = st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, x1 = sorted((draw(edges), draw(edges)))
    y0, y1 = sorted((draw(edges), draw(edges)))
    return Box(x0, y0, x1, y1)


@given(boxes(), boxes())
def test_union_holds_both_boxes(a: Box, b: Box) -> None:
    around = union([a, b])
    assert around.intersection(a) == a
    assert around.intersection(b) == b


@given(boxes(), boxes())
def test_iou_is_symmetric_and_between_0_and_1(a: Box, b: Box) -> None:
    assert a.iou(b) == b.iou(a)
    assert 0 <= a.iou(b) <= 1 + 1e-9


@given(boxes(), boxes())
def test_boxes_that_do_not_meet_share_no_area(a: Box, b: Box) -> None:
    if a.x1 <= b.x0:
        assert a.intersection(b).area == 0


@given(sizes, sizes)
def test_fitted_size_stays_inside_and_touches_a_side(size: Size, bound: Size) -> None:
    fitted = fit_within(size, bound)
    assert fitted.width <= bound.width
    assert fitted.height <= bound.height
    assert fitted.width == bound.width or fitted.height == bound.height


@given(sizes, st.integers(-100, 30_000))
def test_boxes_from_pixels_never_leave_the_page(size: Size, edge: int) -> None:
    box = box_of_px(edge - 10, edge - 10, edge, edge, size=size)
    assert all(0 <= value <= 1 for value in (box.x0, box.y0, box.x1, box.y1))


def test_a_grid_covers_columns_in_x_and_rows_in_y() -> None:
    assert Grid(rows=3, cols=2).size(336) == Size(width=672, height=1008)


@given(boxes(), st.sampled_from(Turn))
def test_a_turn_and_its_way_back_leave_a_box_where_it_was(box: Box, turn: Turn) -> None:
    back = turn.back.box(turn.box(box))
    assert all(abs(one - other) < 1e-9 for one, other in zip(astuple(back), astuple(box), strict=True))


@given(boxes(), st.sampled_from(Turn))
def test_four_quarter_turns_are_none(box: Box, turn: Turn) -> None:
    moved = box
    for _ in range(turn):
        moved = Turn.RIGHT.box(moved)
    assert all(abs(one - other) < 1e-9 for one, other in zip(astuple(moved), astuple(turn.box(box)), strict=True))


@pytest.mark.parametrize(
    ("dx", "dy", "turn"),
    [(1, 0, Turn.NONE), (0, -1, Turn.RIGHT), (-1, 0, Turn.HALF), (0, 1, Turn.LEFT), (1, 0.1, Turn.NONE), (1, 1, None)],
)
def test_writing_tells_the_turn(dx: float, dy: float, turn: Turn | None) -> None:
    assert turn_of(dx, dy) is turn
