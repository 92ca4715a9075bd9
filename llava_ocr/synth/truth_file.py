"""Painted documents as files beside a `truth.jsonl`, one JSON object a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pymupdf
from PIL import Image

from llava_ocr.jsonform import edges
from llava_ocr.records import Word
from llava_ocr.schema import LeafNode, Node, RowsNode
from llava_ocr.synth.base import PaintedDocument, PrintedValue
from llava_ocr.synth.curate import ALL_PARTS, AS_PAINTED, Curation, Part, curate, split_of
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import ScannedPage, Wear, draw_wear, paint_scan

PageWords = tuple[Word, ...]


def write_documents(
    schema: str, count: int, out: Path, *, scans: bool, first_seed: int = 0, curation: Curation = AS_PAINTED
) -> Iterator[Path]:
    """Paint `count` documents into `out` and yield each file's path; `out/truth.jsonl` grows with them.

    PDFs with a text layer, or with `scans` worn images: a JPEG for one page, a PDF of images for more.
    Raises UnknownSchema and NotEnoughDocuments.
    """
    documents = curate(partial(paint, schema), count, curation, first_seed=first_seed)
    yield from write_painted(documents, out, scans=scans, parts=curation.parts)


def write_painted(
    documents: Iterable[PaintedDocument], out: Path, *, scans: bool, parts: tuple[Part, ...] = ALL_PARTS
) -> Iterator[Path]:
    """Write painted documents into `out`, as `write_documents` does; their splits keep `parts` apart."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "truth.jsonl").open("w", encoding="utf-8") as lines:
        for document in documents:
            path, places = _write_scan(document, out) if scans else _write_pdf(document, out)
            line = truth_line(document, path.name, places) | {"split": split_of(document.origin, parts).value}
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
            yield path


def truth_line(document: PaintedDocument, file: str, places: Sequence[PageWords]) -> dict[str, Any]:
    """Return one line of the truth file: what is so, that all of it stands on the page and nothing else, and where.

    `places` are the boxes of each page's words as they lie in the file.
    """
    line: dict[str, Any] = {
        "id": Path(file).stem,
        "type": document.schema,
        "lang": document.language,
        "pages": len(document.pages),
        "issuer": document.origin.issuer,
        "template": document.origin.family,
        "split": split_of(document.origin).value,
        "fields": document.truth,
        "visible": visible_facts(document),
        "complete": True,
        "printed": [
            {"path": value.path, "page_index": value.page_index, "boxes": _boxes(value, places)}
            for value in document.printed
        ],
        "file": file,
    }
    return line | ({"asked": list(_stated(document.root))} if document.root else {})


def _stated(node: Node) -> Iterator[dict[str, Any]]:
    """State the fields of an ad-hoc type, which has no schema file: what each holds and what a prompt says of it."""
    if isinstance(node, LeafNode):
        yield _stated_leaf(node)
        return
    if node.path:
        is_list = isinstance(node, RowsNode)
        path, kind = (f"{node.path}[]", "rows") if is_list else (node.path, "group")
        yield {"path": path, "kind": kind, "hint": node.hint.text, "labels": list(node.hint.labels)}
    for child in node.row.children if isinstance(node, RowsNode) else node.children:
        yield from _stated(child)


def _stated_leaf(leaf: LeafNode) -> dict[str, Any]:
    stated = {"path": leaf.path, "kind": leaf.leaf.kind.value, "hint": leaf.hint.text, "labels": list(leaf.hint.labels)}
    more = {"pattern": leaf.leaf.pattern, "checksum": leaf.leaf.checksum, "choices": list(leaf.choices)}
    return stated | {name: value for name, value in more.items() if value}


def visible_facts(document: PaintedDocument) -> dict[str, bool]:
    """Say of each fact whether it stands on the page: all do that are not absent."""
    return {name: fact not in (None, []) for name, fact in document.truth.items()}


def _boxes(value: PrintedValue, places: Sequence[PageWords]) -> list[list[float]]:
    """One box for each word of a value, to a ten-thousandth of the page."""
    words = places[value.page_index]
    return [[round(edge, 4) for edge in edges(words[index].box)] for index in value.words]


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


def _write_pdf(document: PaintedDocument, out: Path) -> tuple[Path, list[PageWords]]:
    path = out / f"{document.schema}-{document.seed:06d}.pdf"
    path.write_bytes(paint_pdf(document))
    return path, [page.words for page in document.pages]


def _write_scan(document: PaintedDocument, out: Path) -> tuple[Path, list[PageWords]]:
    wear: Wear = draw_wear(Random(f"{document.schema}/{document.seed}/wear"))
    scanned = paint_scan(document, wear)
    if len(scanned) == 1:
        path = out / f"{document.schema}-{document.seed:06d}.jpg"
        path.write_bytes(image_bytes(scanned[0].image))
    else:
        path = out / f"{document.schema}-{document.seed:06d}.pdf"
        path.write_bytes(images_to_pdf(scanned, dpi=wear.dpi))
    return path, [page.words for page in scanned]
