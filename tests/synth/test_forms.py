"""Painted forms: captions and blanks of ad-hoc types, filled in, empty, in cells, and marked."""

import re
from functools import cache

from llava_ocr.schema import Kind, LeafNode, leaves
from llava_ocr.synth.base import PaintedDocument, PrintedValue
from llava_ocr.synth.curate import split_of
from llava_ocr.synth.forms import paint_form

NUM_FORMS = 40


@cache
def forms() -> tuple[PaintedDocument, ...]:
    return tuple(paint_form(seed) for seed in range(NUM_FORMS))


def nodes(document: PaintedDocument) -> dict[str, LeafNode]:
    assert document.root is not None
    return {leaf.path: leaf for leaf in leaves(document.root)}


def said() -> list[tuple[LeafNode, PrintedValue, PaintedDocument]]:
    return [
        (nodes(document)[re.sub(r"\[\d+\]", "[]", value.path)], value, document)
        for document in forms()
        for value in document.printed
    ]


def test_a_forms_paths_are_unique_and_at_least_one_is_filled_in() -> None:
    for document in forms():
        assert document.root is not None and document.printed
        paths = [leaf.path for leaf in leaves(document.root)]
        assert len(paths) == len(set(paths))


def test_captions_of_asked_fields_are_mostly_printed_even_where_nothing_was_filled_in() -> None:
    has_caption = 0
    empty = [(leaf, document) for document in forms() for leaf in nodes(document).values()
             if leaf.path in document.truth and document.truth[leaf.path] is None and leaf.hint.labels]  # fmt: skip
    for leaf, document in empty:
        text = " ".join(word.text for page in document.pages for word in page.words)
        has_caption += any(label.split()[0] in text for label in leaf.hint.labels)
    assert len(empty) > 30 and has_caption > 0.6 * len(empty)


def test_cells_hold_one_character_each() -> None:
    combs = [value for leaf, value, _ in said() if leaf.leaf.kind is Kind.CODE and len(value.text.split()) > 3]
    in_cells = [value for value in combs if all(len(part) == 1 for part in value.text.split())]
    assert len(in_cells) > 20 and all(len(value.words) == len(value.text.split()) for value in in_cells)


def test_codes_match_their_patterns() -> None:
    for leaf, value, _ in said():
        if leaf.leaf.kind is Kind.CODE:
            code = value.text.replace(" ", "")
            assert re.fullmatch(leaf.leaf.pattern, code), (leaf.leaf.pattern, value.text)


def test_marked_choices_stand_beside_those_that_are_not() -> None:
    marked = 0
    for leaf, value, document in said():
        if leaf.leaf.kind is Kind.CHOICE:
            text = " ".join(word.text for word in document.pages[value.page_index].words)
            marked += sum(choice in text for choice in leaf.choices) == len(leaf.choices)
    assert marked > 20


def test_no_word_is_printed_over_another() -> None:
    overlaps = 0
    for document in forms():
        for page in document.pages:
            boxes = sorted((word.box for word in page.words), key=lambda box: box.y0)
            for index, box in enumerate(boxes):
                for other in boxes[index + 1 : index + 40]:
                    wide = (min(box.x1, other.x1) - max(box.x0, other.x0)) * page.width_pt
                    high = (min(box.y1, other.y1) - max(box.y0, other.y0)) / min(box.height, other.height)
                    overlaps += wide > 1 and high > 0.5
    assert overlaps <= 2


def test_some_forms_fill_pages_with_instructions() -> None:
    counts = [len(document.pages) for document in forms()]
    assert counts.count(1) > NUM_FORMS / 4 and max(counts) > 1


def test_forms_have_dozens_of_layouts_on_both_sides_of_the_hold_out() -> None:
    assert len({document.origin.family for document in forms()}) > 25
    assert len({split_of(document.origin) for document in forms()}) > 1
