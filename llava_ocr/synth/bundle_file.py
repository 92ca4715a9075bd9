"""Painted bundles as files beside a `truth.jsonl` with a line a document: which pages of which file it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.bundle import PaintedBundle, Placed
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import draw_wear, paint_scan
from llava_ocr.synth.truth_file import PageWords, images_to_pdf, truth_line


def write_bundles(bundles: Iterable[PaintedBundle], out: Path, *, scans: bool) -> Iterator[Path]:
    """Write bundles as PDFs into `out`, with a text layer or as worn images, and yield each file's path."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "truth.jsonl").open("w", encoding="utf-8") as lines:
        for bundle in bundles:
            path = out / f"bundle-{bundle.seed:06d}.pdf"
            places = _write(bundle, path, scans=scans)
            for number, placed in enumerate(bundle.placed):
                lines.write(json.dumps(_line(placed, number, path.name, places), ensure_ascii=False) + "\n")
            yield path


def _write(bundle: PaintedBundle, path: Path, *, scans: bool) -> list[PageWords]:
    """Write the file and return the words of its pages as they lie in it."""
    whole = PaintedDocument("bundle", bundle.seed, "", {}, bundle.pages, ())
    if not scans:
        path.write_bytes(paint_pdf(whole))
        return [page.words for page in bundle.pages]
    wear = draw_wear(Random(f"bundle/{bundle.seed}/wear"))
    scanned = paint_scan(whole, wear)
    path.write_bytes(images_to_pdf(scanned, dpi=wear.dpi))
    return [page.words for page in scanned]


def _line(placed: Placed, number: int, file: str, places: list[PageWords]) -> dict[str, Any]:
    line = truth_line(placed.document, file, [places[index] for index in placed.page_indices])
    printed = [one | {"page_index": placed.page_indices[one["page_index"]]} for one in line["printed"]]
    name = f"{line['id']}/{number}"
    return line | {"id": name, "content_key": name, "page_indices": placed.page_indices, "printed": printed}
