"""Pictures of pages and of single fields, and the words under a box."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from llava_ocr.db.documents import count_pages
from llava_ocr.db.session import Database
from llava_ocr.db.stored import load_record
from llava_ocr.geometry import Box, union
from llava_ocr.review.selection import text_in
from llava_ocr.web.faults import NotFound
from llava_ocr.web.state import TheSite

router = APIRouter()

DocumentId = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
PageIndex = Annotated[int, Path(ge=0, le=100_000)]
Edge = Annotated[float, Query(ge=0, le=1)]
# A drawn page never changes under its document's id.
_KEEP = {"Cache-Control": "private, max-age=600"}


@router.get("/documents/{document_id}/pages/{page_index}.jpg")
def page_picture(document_id: DocumentId, page_index: PageIndex, site: TheSite) -> Response:
    """Draw a page."""
    _require_document(site.db, document_id)
    picture = site.pictures.page(document_id, page_index)
    return Response(picture.jpeg, media_type="image/jpeg", headers=_KEEP)


@router.get("/documents/{document_id}/pages/{page_index}/words")
def words_in_box(
    document_id: DocumentId, page_index: PageIndex, x0: Edge, y0: Edge, x1: Edge, y1: Edge, site: TheSite
) -> Response:
    """Read the words in a box that somebody drew."""
    _require_document(site.db, document_id)
    words = site.pictures.words(document_id, page_index)
    found = text_in(words, Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    boxes = [[box.x0, box.y0, box.x1, box.y1] for box in found.boxes]
    return JSONResponse({"text": found.text, "boxes": boxes, "reader": words.reader.value})


@router.get("/records/{record_id}/crop.png")
def field_picture(
    record_id: Annotated[int, Path(ge=1, lt=2**63)], path: Annotated[str, Query(max_length=500)], site: TheSite
) -> Response:
    """Cut out the place that a field was read from."""
    with site.db.reading() as connection:
        record = load_record(connection, record_id)
    evidence = next((field.evidence for field in record.fields if field.path == path), None)
    if evidence is None or not evidence.boxes:
        raise NotFound("the field was read from no place on a page")
    png = site.pictures.crop(record.document_id, evidence.page_index, union(evidence.boxes))
    return Response(png, media_type="image/png", headers=_KEEP)


def _require_document(db: Database, document_id: str) -> None:
    with db.reading() as connection:
        known = count_pages(connection, document_id)
    if known is None:
        raise NotFound("no such document")
