"""Documents, sound and nasty, made on the spot."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pymupdf
from PIL import Image, ImageDraw, ImageFont

from llava_ocr.engines.base import EngineProfile
from llava_ocr.geometry import OVERVIEW_ONLY, Grid
from llava_ocr.raster.base import Limits, OcrMode, PdfLibrary, ReadOptions

LINES = ("Invoice 2024-117", "Total 1,234.50 EUR", "Thank you for your order", "Berlin, 3 March 2024")
PROFILE = EngineProfile(
    name="tiny",
    fingerprint="0",
    tile_px=112,
    patches_per_side=8,
    context_tokens=4096,
    grids=(Grid(2, 2), Grid(3, 2), OVERVIEW_ONLY),
    anchored_grids=(OVERVIEW_ONLY,),
    takes_grammar=True,
)


def options(
    limits: Limits | None = None, *, ocr: OcrMode = OcrMode.NEVER, pdf: PdfLibrary = PdfLibrary.PYMUPDF
) -> ReadOptions:
    return ReadOptions(PROFILE, limits or Limits(page_timeout_s=20.0), pdf=pdf, ocr=ocr)


def write_pdf(path: Path, num_pages: int = 1, *, rotation: int = 0, **saving: object) -> Path:
    document = pymupdf.open()
    for number in range(num_pages):
        page = document.new_page(width=595, height=842)
        page.insert_text((72, 100), f"Page {number + 1}", fontsize=12)
        for row, line in enumerate(LINES):
            page.insert_text((72, 140 + 30 * row), line, fontsize=12)
        page.set_rotation(rotation)
    document.save(str(path), **saving)
    document.close()
    return path


def write_scan(path: Path, lines: tuple[str, ...] = LINES) -> Path:
    sheet = Image.new("RGB", (1000, 700), "white")
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((80, 80 + 90 * row), line, "black", ImageFont.load_default(36))
    sheet.save(path)
    return path


def raw_pdf(*objects: bytes, before: bytes = b"") -> bytes:
    """A PDF of the given objects, numbered from 1, the first being the catalog."""
    body, offsets = before + b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return body + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)


def page_of(content: bytes, *, width_pt: float = 595, height_pt: float = 842, count: int = 1) -> bytes:
    """A PDF with one page of the given drawing, which says it has `count`."""
    return raw_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[3 0 R]>>" % count,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %g %g]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
        % (width_pt, height_pt),
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
