"""Papers with hard captions: what is asked of them stands on them."""

from __future__ import annotations

import pytest

from llava_ocr.evaluation.own_types import stated_schema
from llava_ocr.schema import leaves, tree
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.notices import LANGUAGES, paint_notice
from llava_ocr.synth.truth_file import truth_line

PAINTED = [paint_notice(seed) for seed in range(40)]


@pytest.mark.parametrize("document", PAINTED[:10], ids=lambda document: str(document.seed))
def test_every_asked_value_is_printed(document: PaintedDocument) -> None:
    assert document.root is not None
    printed = {one.path for one in document.printed}
    assert {leaf.path for leaf in leaves(document.root)} <= printed


def test_papers_come_in_all_languages_and_with_several_pages() -> None:
    assert {document.language for document in PAINTED} == set(LANGUAGES)
    assert {len(document.pages) for document in PAINTED} >= {1, 2}


def test_a_type_of_its_own_comes_back_from_its_truth() -> None:
    document = PAINTED[0]
    assert document.root is not None
    line = truth_line(document, "notice.pdf", [page.words for page in document.pages])
    again = tree(stated_schema(line["type"], line["asked"]))
    assert [(leaf.path, leaf.leaf, leaf.hint) for leaf in leaves(again)] == [
        (leaf.path, leaf.leaf, leaf.hint) for leaf in leaves(document.root)
    ]
