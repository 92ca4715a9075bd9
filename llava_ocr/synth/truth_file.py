"""Painted documents as files beside a `truth.jsonl`, one JSON object a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pymupdf
from PIL import Image

from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.curate import split_of
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import ScannedPage, Wear, draw_wear, paint_scan


def write_documents(schema: str, count: int, out: Path, *, scans: bool, first_seed: int = 0) -> Iterator[Path]:
    """Paint `count` documents into `out` and yield each file's path; `out/truth.jsonl` grows with them.

    PDFs with a text layer, or with `scans` worn images: a JPEG for one page, a PDF of images for more.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / "truth.jsonl").open("w", encoding="utf-8") as lines:
        for seed in range(first_seed, first_seed + count):
            document = paint(schema, seed)
            path = _write_scan(document, out) if scans else _write_pdf(document, out)
            lines.write(json.dumps(truth_line(document, path.name), ensure_ascii=False) + "\n")
            yield path


def truth_line(document: PaintedDocument, file: str) -> dict[str, Any]:
    """Return one line of the truth file: what is so, and that all of it stands on the page."""
    return {
        "id": Path(file).stem,
        "type": document.schema,
        "lang": document.language,
        "pages": len(document.pages),
        "issuer": document.origin.issuer,
        "template": document.origin.family,
        "split": split_of(document.origin).value,
        "fields": document.truth,
        "visible": {name: fact not in (None, []) for name, fact in document.truth.items()},
        "file": file,
    }


def images_to_pdf(scanned: tuple[ScannedPage, ...], *, dpi: int) -> bytes:
    """Bind page images into a PDF without a text layer."""
    with pymupdf.open() as pdf:
        for page in scanned:
            sheet = pdf.new_page(width=page.image.width * 72 / dpi, height=page.image.height * 72 / dpi)
            sheet.insert_image(sheet.rect, stream=image_bytes(page.image))
        return bytes(pdf.tobytes(garbage=1, no_new_id=True))


def image_bytes(image: Image.Image, *, quality: int = 85) -> bytes:
    """Encode an image as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _write_pdf(document: PaintedDocument, out: Path) -> Path:
    path = out / f"{document.schema}-{document.seed:06d}.pdf"
    path.write_bytes(paint_pdf(document))
    return path


def _write_scan(document: PaintedDocument, out: Path) -> Path:
    wear: Wear = draw_wear(Random(f"{document.schema}/{document.seed}/wear"))
    scanned = paint_scan(document, wear)
    if len(scanned) == 1:
        path = out / f"{document.schema}-{document.seed:06d}.jpg"
        path.write_bytes(image_bytes(scanned[0].image))
    else:
        path = out / f"{document.schema}-{document.seed:06d}.pdf"
        path.write_bytes(images_to_pdf(scanned, dpi=wear.dpi))
    return path
