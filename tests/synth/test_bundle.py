"""Painted bundles: every page has its place, equal seeds give equal bundles, series have one seller."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llava_ocr.synth.base import PaintedPage
from llava_ocr.synth.bundle import Backs, join, paint_bundle, paint_series
from llava_ocr.synth.bundle_file import write_bundles
from llava_ocr.synth.curate import Split, split_of
from llava_ocr.synth.invoice_page import paint_invoice


def is_blank(page: PaintedPage) -> bool:
    return not page.words and not page.marks


@pytest.mark.parametrize("backs", Backs)
def test_every_page_is_a_document_s_or_blank(backs: Backs) -> None:
    bundle = join([paint_invoice(seed) for seed in (1, 3, 5)], backs)
    placed = [index for one in bundle.placed for index in one.page_indices]
    assert placed == [index for index, page in enumerate(bundle.pages) if not is_blank(page)]
    assert [bundle.pages[index] for one in bundle.placed for index in one.page_indices] == [
        page for one in bundle.placed for page in one.document.pages
    ]


def test_both_sides_printed_put_every_document_on_a_front() -> None:
    bundle = join([paint_invoice(seed) for seed in (1, 3, 5)], Backs.EVEN)
    assert all(one.page_indices[0] % 2 == 0 for one in bundle.placed)


def test_equal_seeds_give_equal_bundles() -> None:
    assert paint_bundle(7) == paint_bundle(7)


def test_held_out_bundles_have_held_out_issuers_only() -> None:
    for seed in range(4):
        placed = paint_bundle(seed, split=Split.HELD_OUT).placed
        assert {split_of(one.document.origin) for one in placed} == {Split.HELD_OUT}


def test_a_series_has_one_seller_and_many_numbers() -> None:
    documents = paint_series(3, 4)
    assert len({document.origin.issuer for document in documents}) == 1
    assert len({str(document.truth) for document in documents}) == 4


def test_the_truth_names_the_pages_of_the_file(tmp_path: Path) -> None:
    bundle = paint_bundle(2)
    [path] = write_bundles([bundle], tmp_path, scans=False)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert [line["page_indices"] for line in lines] == [list(one.page_indices) for one in bundle.placed]
    assert {line["file"] for line in lines} == {path.name}
    assert all(one["page_index"] in line["page_indices"] for line in lines for one in line["printed"])
