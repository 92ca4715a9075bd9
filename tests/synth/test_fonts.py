"""What is installed on a machine changes documents only where that is asked for."""

from itertools import islice

from llava_ocr.synth.fonts import BUILT_IN, families, find_script, system_fonts, takes_system_fonts
from llava_ocr.synth.paint import paint
from llava_ocr.synth.streams import stream as random_stream
from llava_ocr.train.data import stream


class TellsFonts:
    """In place of a painter: tells what it may paint with."""

    def example(self, position: int) -> bool:
        return takes_system_fonts()


def test_only_what_comes_with_pymupdf_is_used_unless_more_is_wanted() -> None:
    assert families() == tuple(BUILT_IN)
    assert find_script(random_stream("any", 0, "fonts")) is None
    with system_fonts():
        assert {*families()} >= {*BUILT_IN}
    assert families() == tuple(BUILT_IN)


def test_no_document_is_set_in_an_installed_font() -> None:
    built_in = {face for faces in BUILT_IN.values() for face in faces} | {"zadb"}
    for schema in ("form", "invoice", "sheet", "receipt"):
        for seed in range(12):
            runs = [mark for page in paint(schema, seed).pages for mark in page.marks if hasattr(mark, "face")]
            assert {run.face for run in runs} <= built_in


def test_the_process_that_paints_ahead_uses_the_fonts_its_parent_does() -> None:
    with system_fonts():
        wanted = stream(TellsFonts(), start=0, num_ahead=2)
    assert list(islice(wanted, 2)) == [True, True]
    assert next(stream(TellsFonts(), start=0, num_ahead=2)) is False
