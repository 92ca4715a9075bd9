from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.geometry import Box, Grid, Size, box_of_px, fit_within, union

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
