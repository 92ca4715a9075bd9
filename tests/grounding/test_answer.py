import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.errors import CutAnswer, InvalidAnswer
from llava_ocr.grounding.answer import parse_answer
from llava_ocr.prompts import empty_answer
from llava_ocr.schema import tree
from schemas.receipt import Receipt
from schemas.w9 import W9

ROOT = tree(Receipt)
ROW = {"description": "Tea", "quantity": "2", "unit_price": None, "line_total": "3.00"}


def answer(**changes: object) -> str:
    empty = empty_answer(ROOT)
    assert isinstance(empty, dict)
    return json.dumps(empty | changes, separators=(",", ":"), ensure_ascii=False)


def test_every_leaf_comes_with_its_path_and_place() -> None:
    text = answer(total="3.00", lines=[ROW])
    said = {leaf.path: leaf for leaf in parse_answer(text, ROOT, is_cut=False)}
    assert said["lines[0].description"].text == "Tea"
    assert text[said["total"].start : said["total"].end] == '"3.00"'
    assert said["date"].text is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"total":{}}', '{"what":null}', '{"total":"1"} and', '{"total":"1","total":"2"}', '{"total":"1'],
)
def test_another_shape_is_an_invalid_answer(text: str) -> None:
    with pytest.raises(InvalidAnswer):
        parse_answer(text, ROOT, is_cut=False)


def test_a_cut_answer_is_an_output_error() -> None:
    with pytest.raises(CutAnswer, match="cut after"):
        parse_answer(answer(total="3.00").split('"total"')[0], ROOT, is_cut=True)


def test_a_choice_must_be_one_of_its_choices() -> None:
    with pytest.raises(InvalidAnswer, match="choices"):
        parse_answer('{"classification":"robot"}', tree(W9), is_cut=False)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=20))
def test_errors_quote_nothing_of_the_answer(secret: str) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        parse_answer(f'{{"zzqq{json.dumps(secret)[1:-1]}":null}}', ROOT, is_cut=False)
    assert "zzqq" not in str(caught.value)
