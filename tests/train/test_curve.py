import json
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.train.curve import draw_curve, forget_after, read_curve

VALUES = st.floats(0, 1e6)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=40))
def test_a_drawing_is_well_formed_and_stays_in_its_frame(pairs):
    curve = [{"step": n + 1, "answer": a, "look <&>": b} for n, (a, b) in enumerate(pairs)]
    drawn = ElementTree.fromstring(draw_curve(curve, title="a < b"))
    for line in drawn.iter("{http://www.w3.org/2000/svg}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 50 <= x <= 710
            assert 50 <= y <= 310


def test_steps_that_a_crash_undid_are_forgotten(tmp_path):
    path = tmp_path / "curve.jsonl"
    path.write_text("".join(json.dumps({"step": step, "answer": 1.5}) + "\n" for step in range(1, 8)) + '{"step": 8, ')
    forget_after(path, 4)
    assert [line["step"] for line in read_curve(path)] == [1, 2, 3, 4]
