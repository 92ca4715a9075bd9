"""Review: the record most worth looking at, and a person's decisions on its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from llava_ocr.db.browse import Filter, next_to_review
from llava_ocr.db.page_words import load_page_words
from llava_ocr.db.reviewing import approve_record, correct_field, rule_on_field, undo
from llava_ocr.db.saving import split_path
from llava_ocr.db.stored import load_record
from llava_ocr.geometry import Box
from llava_ocr.grounding.typed import Conventions
from llava_ocr.records import Evidence, WordReader
from llava_ocr.review.corrections import Verdict
from llava_ocr.review.typing import leaf_at, typed_reading
from llava_ocr.schema import DocumentSchema
from llava_ocr.web.faults import BadRequest
from llava_ocr.web.forms import Form
from llava_ocr.web.record_page import RecordId, ShownRecord, shown_record
from llava_ocr.web.render import fragment, label, page
from llava_ocr.web.state import Reviewer, Site, TheSite
from llava_ocr.words.turned import lay_out_page

router = APIRouter()

MAX_BOXES = 500
# Only the proportion of gaps to heights hangs on it, and nearly every page is A4 or letter.
_ASPECT = 0.71
_WITHOUT_TEXT = (Verdict.ACCEPT, Verdict.ABSENT, Verdict.ILLEGIBLE)


@router.get("/review")
def review(
    request: Request,
    site: TheSite,
    _: Reviewer,
    skip: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    schema: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """Show the record most worth looking at; `skip` is the one that was shown a moment ago."""
    with site.db.reading() as connection:
        record_id = next_to_review(connection, Filter(schema=schema), skip=[skip] if skip else ())
    if record_id is None:
        return page(request, "review_done.html", is_last_skipped=bool(skip))
    shown = shown_record(site, record_id)
    return page(request, "record.html", shown=shown, may_review=True, is_review=True)


@router.get("/review/{record_id}")
def review_one(record_id: RecordId) -> Response:
    """An address that somebody kept."""
    return RedirectResponse(f"/records/{record_id}", status_code=303)


@router.post("/records/{record_id}/say")
def say(request: Request, record_id: RecordId, form: Form, site: TheSite, person: Reviewer) -> Response:
    """Write down a verdict on one field and return the fields anew."""
    schema = schema_of(site, record_id)
    path = form.get("path", "")[:500]
    try:
        verdict = Verdict(form.get("verdict", ""))
    except ValueError:
        raise BadRequest("there is no such verdict") from None
    if verdict is Verdict.CORRECT:
        leaf = leaf_at(schema, split_path(path)[0])
        evidence = _evidence(site, record_id, form)
        conventions = _conventions(site, record_id, evidence)
        text = form.get("text", "")[:4_000]
        reading = typed_reading(path, leaf, text, conventions=conventions, evidence=evidence)
        correct_field(site.db, record_id, schema, reading, who=person.name)
    elif verdict in _WITHOUT_TEXT:
        rule_on_field(site.db, record_id, schema, path=path, verdict=verdict, who=person.name)
    else:
        raise BadRequest("this verdict is not for a field")
    return _panel(request, site, record_id)


@router.post("/records/{record_id}/approve")
def approve(request: Request, record_id: RecordId, form: Form, site: TheSite, person: Reviewer) -> Response:
    """Accept the whole record as it is shown; with fields in doubt only once the person was asked about as many."""
    doubts = doubts_of(shown_record(site, record_id))
    if doubts and form.get("doubts") != str(len(doubts)):
        return JSONResponse({"doubts": doubts}, status_code=202)
    approve_record(site.db, record_id, schema_of(site, record_id), who=person.name)
    return _panel(request, site, record_id)


def doubts_of(shown: ShownRecord) -> list[str]:
    """What a person should look at before they approve a record: fields by name, and remarks about none of them."""
    cells = (cell for table in shown.tables for row in table.rows for cell in row if cell is not None)
    fields = [label(field.reading.path) for field in (*shown.header, *cells) if field.needs_look]
    return fields + [remark.message for remark in shown.remarks if not any(remark.places)]


@router.post("/records/{record_id}/undo")
def take_back(request: Request, record_id: RecordId, site: TheSite, person: Reviewer) -> Response:
    """Take back this person's last decision on the record."""
    paths = undo(site.db, record_id, schema_of(site, record_id), who=person.name)
    response = _panel(request, site, record_id)
    response.headers["X-Undone"] = str(len(paths)) if paths else ""
    return response


def schema_of(site: Site, record_id: int) -> type[DocumentSchema]:
    """Return the document type of a record. Raises NoSuchRecord, UnknownSchema."""
    with site.db.reading() as connection:
        return site.catalog.get(load_record(connection, record_id).schema)


def _panel(request: Request, site: Site, record_id: int) -> Response:
    shown = shown_record(site, record_id)
    is_review = "/review" in request.headers.get("referer", "")
    return fragment(request, "record_panel.html", shown=shown, may_review=True, is_review=is_review)


def _evidence(site: Site, record_id: int, form: Mapping[str, str]) -> Evidence | None:
    """The place that a person drew, where they drew one; else the one that the field had."""
    if "boxes" not in form:
        return None
    try:
        page_index = int(form.get("page_index", ""))
        boxes = tuple(Box(*(float(edge) for edge in edges)).clipped() for edges in json.loads(form["boxes"]))
    except (ValueError, TypeError):
        raise BadRequest("the box can't be read") from None
    if not 0 < len(boxes) <= MAX_BOXES or page_index < 0:
        raise BadRequest("the box can't be read")
    with site.db.reading() as connection:
        document_id = load_record(connection, record_id).document_id
        words = load_page_words(connection, document_id, page_index)
    return Evidence(page_index, boxes, words.reader if words else WordReader.NONE, 1.0)


def _conventions(site: Site, record_id: int, evidence: Evidence | None) -> Conventions:
    """How the document writes numbers and days, where the text was taken from a page of it."""
    if evidence is None:
        return Conventions([])
    with site.db.reading() as connection:
        document_id = load_record(connection, record_id).document_id
        words = load_page_words(connection, document_id, evidence.page_index)
    return Conventions([lay_out_page(words, aspect=_ASPECT)] if words else [])
