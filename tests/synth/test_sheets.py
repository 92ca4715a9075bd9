"""Label/value sheets: schemas of their own, with fields of every kind, printed, absent and beside."""

import re

from llava_ocr.schema import Kind, LeafNode, RowsNode, leaves
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.sheets import sheets

PAINTED = [sheets(seed) for seed in range(80)]


def nodes(document: PaintedDocument) -> list[LeafNode]:
    assert document.root is not None
    return list(leaves(document.root))


def test_truth_has_the_shape_of_the_sheets_own_tree() -> None:
    for document in PAINTED:
        assert document.root is not None
        assert list(document.truth) == [child.name for child in document.root.children]


def test_every_kind_of_field_is_asked_for() -> None:
    assert {node.leaf.kind for document in PAINTED for node in nodes(document)} == set(Kind)


def test_hundreds_of_field_names_and_labels_are_used() -> None:
    asked = [node for document in PAINTED for node in nodes(document)]
    assert len({node.name for node in asked}) > 300
    assert len({label for node in asked for label in node.hint.labels}) > 500


def test_some_fields_are_absent_and_some_sheets_have_rows() -> None:
    assert any(value is None for document in PAINTED for value in document.truth.values())
    assert any(isinstance(child, RowsNode) for document in PAINTED if document.root for child in document.root.children)


def test_codes_match_their_patterns_and_choices_are_choices() -> None:
    for document in PAINTED:
        for node in nodes(document):
            value = document.truth.get(node.path)
            if not isinstance(value, str):
                continue
            if node.leaf.kind is Kind.CODE:
                assert re.fullmatch(node.leaf.pattern, value), (node.leaf.pattern, value)
            if node.leaf.kind is Kind.CHOICE:
                assert value in node.choices


def test_paths_are_unique_within_a_sheet() -> None:
    for document in PAINTED:
        paths = [node.path for node in nodes(document)]
        assert len(paths) == len(set(paths))
