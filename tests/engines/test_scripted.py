import json
import time

from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Request
from llava_ocr.engines.scripted import ScriptedEngine, by_id, say_nothing, slowly
from llava_ocr.prompts import Prompt, empty_answer
from llava_ocr.schema import tree
from schemas.invoice import Invoice
from tests.fakes import raster

ROOT = tree(Invoice)
GRAMMAR = build_grammar(ROOT, None)


def ask(name: str) -> Request:
    return Request(name, Prompt("<image>\nWhat?"), (raster(),), GRAMMAR, 100)


def test_by_default_the_answer_is_the_whole_shape_and_says_nothing() -> None:
    [completion] = ScriptedEngine().complete([ask("a")])
    assert json.loads(completion.text) == empty_answer(ROOT)


def test_answers_are_given_by_id_however_unusable() -> None:
    first, second = ScriptedEngine(by_id({"a": "<garbage>"})).complete([ask("a"), ask("b")])
    assert first.text == "<garbage>"
    assert json.loads(second.text) == empty_answer(ROOT)


def test_a_slow_script_takes_its_time() -> None:
    started = time.monotonic()
    ScriptedEngine(slowly(say_nothing, delay_s=0.02)).complete([ask("a"), ask("b")])
    assert time.monotonic() - started >= 0.04
