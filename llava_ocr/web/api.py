"""The JSON API: records, their fields and evidence, corrections. Described at `/api/openapi.json`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from llava_ocr.db.browse import Listed, list_page
from llava_ocr.db.corrections import corrections_of, place_of
from llava_ocr.db.export import json_record
from llava_ocr.db.links import linked
from llava_ocr.db.queries import list_runs
from llava_ocr.db.reviewing import approve_record, correct_field, rule_on_field, undo
from llava_ocr.db.saving import split_path
from llava_ocr.db.stored import load_record
from llava_ocr.grounding.typed import Conventions
from llava_ocr.jsonform import plain, to_json
from llava_ocr.review.corrections import Verdict
from llava_ocr.review.typing import leaf_at, typed_reading
from llava_ocr.schema import leaves, tree
from llava_ocr.web.records_page import TheWanted
from llava_ocr.web.review_page import schema_of
from llava_ocr.web.state import Reviewer, Site, TheSession, TheSite

FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value in the request means nothing"},
    401: {"description": "No session and no token"},
    403: {"description": "The role does not go so far"},
    404: {"description": "There is no such thing"},
    409: {"description": "The record is an older reading"},
    422: {"description": "A value is not of its form"},
}
router = APIRouter(prefix="/api/v1", tags=["records"], responses=FAULTS)

RecordId = Annotated[int, Path(ge=1, lt=2**63)]


class RecordLine(BaseModel):
    """One record in a list; amounts are strings with all their digits."""

    id: int
    document_id: str
    schema_name: str
    uri: str
    party: str
    number: str
    issued_on: str
    currency: str
    amount: str
    confidence: float
    status: str
    num_findings: int


class RecordList(BaseModel):
    """A screenful of records; `next` is the `after` of the next one, empty on the last."""

    records: list[RecordLine]
    next: str


class Amount(BaseModel):
    """What the amounts of one currency make."""

    currency: str
    amount: str


class Counted(BaseModel):
    """How many records a filter finds; `is_cut` when the search looked at the newest matches only."""

    count: int
    amounts: list[Amount]
    is_cut: bool


class FieldVerdict(BaseModel):
    """What a person, or a program for one, says of a field. `text` goes with `correct` alone."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=500, examples=["grand_total"])]
    verdict: Annotated[str, Field(pattern="^(accept|correct|absent|illegible)$")]
    text: Annotated[str, Field(max_length=4_000, examples=["1234.50"])] = ""


class CorrectionLine(BaseModel):
    """One verdict of the past."""

    path: str
    verdict: str
    value: str | None
    seen: str | None
    who: str
    made_at: str


@router.get("/records", operation_id="list_records")
def records(site: TheSite, wanted: TheWanted, limit: Annotated[int, Query(ge=1, le=1_000)] = 50) -> RecordList:
    """List records: the filters, the search and the order of the page."""
    with site.db.reading() as connection:
        found = list_page(connection, wanted.filter, order=wanted.sort, after=wanted.after, size=limit)
    return RecordList(records=[_line(row) for row in found.rows], next=found.after)


@router.get("/records/totals", operation_id="count_records")
def record_totals(site: TheSite, wanted: TheWanted) -> Counted:
    """Count records and add up their amounts."""
    found = site.counts.totals(wanted.filter)
    amounts = [Amount(currency=currency, amount=str(plain(amount))) for currency, amount in found.amounts]
    return Counted(count=found.count, amounts=amounts, is_cut=found.is_cut)


@router.get("/records/{record_id}", operation_id="get_record")
def record(record_id: RecordId, site: TheSite) -> Response:
    """Return a record whole: nested values, fields with state, confidence and evidence, findings."""
    return _record(site, record_id)


@router.get("/records/{record_id}/corrections", operation_id="list_corrections")
def corrections(record_id: RecordId, site: TheSite) -> list[CorrectionLine]:
    """List all that was said of a record, oldest first."""
    with site.db.reading() as connection:
        said = corrections_of(connection, place_of(connection, record_id))
    return [
        CorrectionLine(
            path=one.path,
            verdict=one.verdict.value,
            value=_text(one.reading.value) if one.reading else None,
            seen=_text(one.seen.value) if one.seen else None,
            who=one.who,
            made_at=one.made_at.isoformat(),
        )
        for one in said
    ]


@router.post("/records/{record_id}/corrections", operation_id="say", status_code=201)
def say(record_id: RecordId, said: FieldVerdict, site: TheSite, person: Reviewer) -> Response:
    """Write down a verdict on a field; returns the record as it is then."""
    schema = schema_of(site, record_id)
    verdict = Verdict(said.verdict)
    if verdict is Verdict.CORRECT:
        leaf = leaf_at(schema, split_path(said.path)[0])
        reading = typed_reading(said.path, leaf, said.text, conventions=Conventions([]), evidence=None)
        correct_field(site.db, record_id, schema, reading, who=person.name)
    else:
        rule_on_field(site.db, record_id, schema, path=said.path, verdict=verdict, who=person.name)
    return _record(site, record_id, status=201)


@router.post("/records/{record_id}/approval", operation_id="approve", status_code=201)
def approve(record_id: RecordId, site: TheSite, person: Reviewer) -> Response:
    """Approve a record as it stands."""
    approve_record(site.db, record_id, schema_of(site, record_id), who=person.name)
    return _record(site, record_id, status=201)


@router.post("/records/{record_id}/undo", operation_id="undo")
def take_back(record_id: RecordId, site: TheSite, person: Reviewer) -> Response:
    """Take back one's own last act on a record."""
    undo(site.db, record_id, schema_of(site, record_id), who=person.name)
    return _record(site, record_id)


@router.get("/schemas", operation_id="list_schemas")
def schemas(site: TheSite) -> dict[str, list[str]]:
    """List the document types and their fields."""
    return {name: [leaf.path for leaf in leaves(tree(site.catalog.get(name)))] for name in site.catalog.names()}


@router.get("/runs", operation_id="list_runs")
def runs(site: TheSite, limit: Annotated[int, Query(ge=1, le=1_000)] = 50) -> list[dict[str, str]]:
    """List the newest runs."""
    return [
        {
            "id": run.id,
            "source": run.source,
            "schema_name": run.schema,
            "engine": run.engine,
            "state": run.state.value,
            "started_at": run.started_at.isoformat(),
            "finished_at": run.finished_at.isoformat() if run.finished_at else "",
        }
        for run in list_runs(site.db, limit=limit)
    ]


@router.get("/me", operation_id="who_am_i")
def me(session: TheSession) -> dict[str, str]:
    """Tell whose token or session this is."""
    return {"name": session.person.name, "role": session.person.role.value}


def _record(site: Site, record_id: int, *, status: int = 200) -> Response:
    with site.db.reading() as connection:
        [found] = linked(connection, [load_record(connection, record_id)])
    root = tree(site.catalog.get(found.schema))
    body = {
        "id": record_id,
        "is_current": found.is_current,
        "is_superseded": found.is_superseded,
        **json_record(found, root),
    }
    return Response(to_json(body), media_type="application/json", status_code=status)


def _line(row: Listed) -> RecordLine:
    return RecordLine(
        id=row.record_id,
        document_id=row.document_id,
        schema_name=row.schema,
        uri=row.uri,
        party=row.party,
        number=row.number,
        issued_on=row.issued_on,
        currency=row.currency,
        amount=str(plain(row.amount)),
        confidence=row.confidence,
        status=row.status,
        num_findings=row.num_findings,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(plain(value))
