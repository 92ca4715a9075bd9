"""The demo's five documents: one of each kind that a pile of mail holds, and one that is broken."""

from __future__ import annotations

from pathlib import Path
from random import Random

from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import Wear, paint_scan
from llava_ocr.synth.truth_file import image_bytes, images_to_pdf

SCAN = Wear(dpi=150, skew_deg=0.4, blur_px=0.3, noise=0.02, fading=0.1, jpeg_quality=80)
PHOTO = Wear(
    dpi=200,
    skew_deg=1.5,
    blur_px=0.4,
    noise=0.02,
    shadow=0.2,
    is_color=True,
    margin=0.04,
    bend=0.015,
    desk=(0.35, 0.28, 0.2),
)


def write_demo(folder: Path) -> tuple[Path, ...]:
    """Write the five documents into `folder` and return their paths; equal on every run."""
    folder.mkdir(parents=True, exist_ok=True)
    letter, scanned = _find("invoice", num_pages=1, skip=0), _find("invoice", num_pages=1, skip=1)
    long, slip = _find("invoice", num_pages=2, skip=0), _find("receipt", num_pages=1, skip=0)
    contents = {
        "invoice-march.pdf": paint_pdf(letter),
        "invoice-scanned.pdf": images_to_pdf(paint_scan(scanned, SCAN), dpi=SCAN.dpi),
        "invoice-two-pages.pdf": paint_pdf(long),
        "receipt-photo.jpg": image_bytes(paint_scan(slip, PHOTO)[0].image),
        "upload-interrupted.pdf": _cut(paint_pdf(letter)),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)


def _find(schema: str, *, num_pages: int, skip: int) -> PaintedDocument:
    """Find the first painted document of so many pages, with more rows on more pages, and pass over `skip` of them."""
    rng = Random("demo")
    while True:
        document = paint(schema, rng.randrange(10**6))
        rows = document.truth["lines"]
        is_wanted = len(document.pages) == num_pages and (len(rows) > 8 if num_pages > 1 else 3 <= len(rows) <= 8)
        if is_wanted and skip == 0:
            return document
        skip -= is_wanted


def _cut(content: bytes) -> bytes:
    """Leave the head of a file, as an upload that broke off does: too little for a reader to repair."""
    return content[: min(200, len(content) // 3)]
