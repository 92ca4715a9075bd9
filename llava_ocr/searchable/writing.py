"""Writes unseen text into PDFs with PyMuPDF (AGPL-3). Runs in a child process: the files are as hostile as any."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image

from llava_ocr.errors import CorruptDocument
from llava_ocr.raster.base import Limits
from llava_ocr.raster.image import open_image
from llava_ocr.raster.pdf import FAULTS, mupdf_error, open_document
from llava_ocr.raster.sniff import Format, sniff_path
from llava_ocr.records import PageWords
from llava_ocr.searchable import glyphless
from llava_ocr.searchable.placing import PlacedWord, place_words
from llava_ocr.searchable.written import Written
from llava_ocr.words.turned import lay_out_page

_FONT_NAME = "LlavaOcrUnseen"
_TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE
_PAINTED = 16 | 32
_SIGNED = (1, 3)


def write_searchable(
    path: Path, into: Path, pages: Mapping[int, PageWords], *, passwords: Sequence[str], limits: Limits
) -> Written:
    """Write a copy with a text layer on `pages`; an image becomes a PDF of its own pixels. Raises InputError."""
    kind = sniff_path(path)
    try:
        if kind is Format.PDF:
            pdf = open_document(path, passwords)
        else:
            assert kind is not None, path
            pdf = _of_images(path, kind, limits)
        with pdf:
            written = _layered(pdf, pages)
            if written.layered or kind is not Format.PDF:
                keep = pymupdf.PDF_ENCRYPT_KEEP if kind is Format.PDF else pymupdf.PDF_ENCRYPT_NONE
                pdf.save(str(into), garbage=3, deflate=True, no_new_id=True, encryption=keep)
            return written
    except FAULTS as fault:
        raise mupdf_error(fault, CorruptDocument, "the searchable copy can't be written") from fault


def _of_images(path: Path, kind: Format, limits: Limits) -> Any:
    """A PDF with each picture as a page: a plain JPEG as it is, anything else without loss."""
    pdf = pymupdf.open()
    paper = open_image(path, kind, limits)
    for page_index in range(paper.num_pages):
        with paper.sheet(page_index) as sheet:
            page = pdf.new_page(width=sheet.paper.width_pt, height=sheet.paper.height_pt)
            assert sheet.native is not None, path
            stream = path.read_bytes() if _is_plain_jpeg(path, kind) else _as_png(sheet.draw(sheet.native))
            page.insert_image(page.rect, stream=stream)
    paper.close()
    return pdf


def _is_plain_jpeg(path: Path, kind: Format) -> bool:
    """Whether viewers show the file as it was read: upright, grey or RGB."""
    if kind is not Format.JPEG:
        return False
    with Image.open(path, formats=["JPEG"]) as picture:
        return picture.mode in ("L", "RGB") and picture.getexif().get(0x0112, 1) == 1


def _as_png(pixels_HWC: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels_HWC).save(stream, "PNG")
    return stream.getvalue()


def _layered(pdf: Any, pages: Mapping[int, PageWords]) -> Written:
    if pdf.get_sigflags() in _SIGNED:
        return Written((), dict.fromkeys(pages, "the document is signed, and a change would break that"))
    layered, left, font, num_words = [], {}, 0, 0
    for page_index in sorted(pages):
        page = pdf[page_index]
        words = _room_for(page, _placed(page, pages[page_index]))
        if not words:
            left[page_index] = "its own text, which can't be read, stands where the words are"
            continue
        font = font or _font(pdf)
        _write(pdf, page, words, font)
        layered.append(page_index)
        num_words += len(words)
    return Written(tuple(layered), left, num_words)


def _placed(page: Any, words: PageWords) -> list[PlacedWord]:
    width_pt, height_pt = float(page.rect.width), float(page.rect.height)
    return place_words(lay_out_page(words, aspect=width_pt / height_pt), width_pt=width_pt, height_pt=height_pt)


def _room_for(page: Any, words: Sequence[PlacedWord]) -> list[PlacedWord]:
    """Take an old layer off that is not painted; of new words leave those out that stand on painted text."""
    blocks = page.get_text("dict", flags=_TEXT_FLAGS)["blocks"]
    spans = [
        span for block in blocks for line in block.get("lines", ()) for span in line["spans"] if span["text"].strip()
    ]
    painted = [pymupdf.Rect(span["bbox"]) * page.rotation_matrix for span in spans if span["char_flags"] & _PAINTED]
    if spans and not painted:
        page.add_redact_annot(page.rect * page.derotation_matrix)
        page.apply_redactions(
            images=pymupdf.PDF_REDACT_IMAGE_NONE,
            graphics=pymupdf.PDF_REDACT_LINE_ART_NONE,
            text=pymupdf.PDF_REDACT_TEXT_REMOVE,
        )
    return [word for word in words if not any(box.contains(_middle(word)) for box in painted)]


def _middle(word: PlacedWord) -> Any:
    along, up = word.length_pt / 2, 0.3 * word.height_pt
    cos, sin = math.cos(word.angle), math.sin(word.angle)
    return pymupdf.Point(word.x_pt + along * cos + up * sin, word.y_pt + along * sin - up * cos)


def _write(pdf: Any, page: Any, words: Sequence[PlacedWord], font: int) -> None:
    page.wrap_contents()
    # The library finds or makes the page's own resources; the font that it puts there is then exchanged for ours.
    placeholder = page.insert_font(fontname=_FONT_NAME, fontbuffer=glyphless.font_bytes(), set_simple=False)
    pdf.update_object(placeholder, pdf.xref_object(font, compressed=True))
    to_pdf = _to_pdf(page)
    parts = ["q BT 3 Tr", *(_shown(word, to_pdf) for word in words), "ET Q"]
    content = pdf.get_new_xref()
    pdf.update_object(content, "<<>>")
    pdf.update_stream(content, "\n".join(parts).encode("ascii"))
    listed = " ".join(f"{xref} 0 R" for xref in (*page.get_contents(), content))
    pdf.xref_set_key(page.xref, "Contents", f"[{listed}]")


def _to_pdf(page: Any) -> Any:
    """From the upright page, from its top left corner down, to the page's own coordinates."""
    # PyMuPDF's matrices mix up /Rotate and a crop box that does not begin at 0; on the unturned page they are right.
    rotation, upright = page.rotation, page.rect
    page.set_rotation(0)
    plain = ~page.transformation_matrix
    page.set_rotation(rotation)
    turned = {
        0: pymupdf.Matrix(1, 0, 0, 1, 0, 0),
        90: pymupdf.Matrix(0, -1, 1, 0, 0, upright.width),
        180: pymupdf.Matrix(-1, 0, 0, -1, upright.width, upright.height),
        270: pymupdf.Matrix(0, 1, -1, 0, upright.height, 0),
    }
    return turned[rotation] * plain


def _shown(word: PlacedWord, to_pdf: Any) -> str:
    """The word at its height, stretched to its length; the space after it parts words for those who copy them."""
    units = word.text.encode("utf-16-be")
    natural_pt = len(units) / 2 * word.height_pt * glyphless.ADVANCE / glyphless.EM
    cos, sin = math.cos(word.angle), math.sin(word.angle)
    placed = pymupdf.Matrix(cos, sin, sin, -cos, word.x_pt, word.y_pt) * to_pdf
    # PDFium leaves out words whose size is all in the matrix.
    size = f"/{_FONT_NAME} {word.height_pt:.3f} Tf {100 * word.length_pt / natural_pt:.3f} Tz"
    return f"{size} {' '.join(f'{edge:.4f}' for edge in placed)} Tm <{units.hex()}0020> Tj"


def _font(pdf: Any) -> int:
    """Put the font into a document, once; return its object's number."""
    file, unicode, mapped, described, descendant, font = (pdf.get_new_xref() for _ in range(6))
    for xref, content in (
        (file, glyphless.font_bytes()),
        (unicode, glyphless.to_unicode()),
        (mapped, glyphless.glyph_map()),
    ):
        pdf.update_object(xref, f"<</Length1 {len(content)}>>" if xref == file else "<<>>")
        pdf.update_stream(xref, content)
    pdf.update_object(
        described,
        f"<</Type/FontDescriptor/FontName/{_FONT_NAME}/Flags 5/FontBBox[0 {glyphless.DESCENT} {glyphless.ADVANCE} "
        f"{glyphless.ASCENT}]/ItalicAngle 0/Ascent {glyphless.ASCENT}/Descent {glyphless.DESCENT}/CapHeight "
        f"{glyphless.ASCENT}/StemV 80/FontFile2 {file} 0 R>>",
    )
    pdf.update_object(
        descendant,
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{_FONT_NAME}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        f"/Supplement 0>>/FontDescriptor {described} 0 R/DW {glyphless.ADVANCE}/CIDToGIDMap {mapped} 0 R>>",
    )
    pdf.update_object(
        font,
        f"<</Type/Font/Subtype/Type0/BaseFont/{_FONT_NAME}/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]"
        f"/ToUnicode {unicode} 0 R>>",
    )
    return int(font)
