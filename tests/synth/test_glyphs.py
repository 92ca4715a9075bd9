"""Characters' places agree with the words' places, flat and worn."""

from llava_ocr.geometry import union
from llava_ocr.synth.glyphs import glyphs
from llava_ocr.synth.paint import paint
from llava_ocr.synth.scan import Wear, paint_scan

PAGE = paint("invoice", 4).pages[0]


def test_characters_spell_the_words() -> None:
    assert "".join(glyph.text for glyph in glyphs(PAGE)) == "".join(word.text for word in PAGE.words)


def test_a_words_characters_fill_its_box() -> None:
    found = list(glyphs(PAGE))
    for word in PAGE.words:
        own, found = found[: len(word.text)], found[len(word.text) :]
        assert union(glyph.box for glyph in own).iou(word.box) > 0.98


def test_boxes_are_carried_onto_the_worn_image() -> None:
    scanned = paint_scan(paint("invoice", 4), Wear(dpi=50, skew_deg=2, margin=0.05, bend=0.02))[0]
    for flat, worn in zip(PAGE.words, scanned.words, strict=True):
        assert scanned.place(flat.box) == worn.box
