"""The list of records: search, facets, sort, columns, totals, saved filters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from llava_ocr.db.browse import ORDERS, Filter, list_page, values_at
from llava_ocr.db.counts import SAMPLE
from llava_ocr.db.saved_filters import drop_filter, list_filters, save_filter
from llava_ocr.schema import leaves, tree
from llava_ocr.web.faults import BadRequest
from llava_ocr.web.forms import Form
from llava_ocr.web.render import fragment, page, query_of
from llava_ocr.web.state import TheSession, TheSite

router = APIRouter()

Short = Annotated[str, Query(max_length=300)]
COLUMNS = {
    "number": "Number",
    "date": "Date",
    "amount": "Amount",
    "status": "Status",
    "confidence": "Least sure",
    "document": "Document",
    "schema": "Type",
}
SHOWN_AT_FIRST = ("number", "date", "amount", "status", "confidence", "document")
MAX_COLUMNS = 12
FACET_LABELS = {
    "status": "Status",
    "schema": "Type",
    "month": "Month",
    "party": "Name",
    "band": "Least sure field",
    "run": "Run",
}


@dataclass(frozen=True)
class Wanted:
    """What a list shows: which records, in which order, from where, with which columns."""

    filter: Filter
    sort: str
    after: str
    columns: tuple[str, ...]

    @property
    def fields(self) -> dict[str, Any]:
        """What goes into an address to see the same list from its beginning."""
        chosen = "" if self.columns == SHOWN_AT_FIRST else ",".join(self.columns)
        return {**asdict(self.filter), "sort": "" if self.sort == "newest" else self.sort, "columns": chosen}

    def url(self, **changes: str) -> str:
        """The address of this list with some of it changed."""
        query = query_of({**self.fields, **changes})
        return f"/records?{query}" if query else "/records"

    def export_url(self, schema: str, **more: str) -> str:
        """The address of a file with the records of this list that are of one type."""
        return f"/export?{query_of({**asdict(self.filter), 'schema': schema, **more})}"


def wanted_of(
    q: Short = "",
    schema: Short = "",
    party: Short = "",
    month: Short = "",
    status: Short = "",
    run: Short = "",
    band: Short = "",
    sort: Short = "newest",
    after: Short = "",
    columns: Annotated[list[str] | None, Query(max_length=60)] = None,
) -> Wanted:
    """Read an address. What means nothing in it is as good as not there."""
    listed = [name for part in columns or () for name in part.split(",") if name]
    chosen = tuple(dict.fromkeys(name for name in listed if len(name) <= 200))[:MAX_COLUMNS]
    wanted = Filter(q=q, schema=schema, party=party, month=month, status=status, run=run, band=band)
    return Wanted(wanted, sort if sort in ORDERS else "newest", after, chosen or SHOWN_AT_FIRST)


TheWanted = Annotated[Wanted, Depends(wanted_of)]


@router.get("/records")
def records(request: Request, site: TheSite, wanted: TheWanted) -> Response:
    """Show the list; to htmx, only the rows."""
    extra = [name for name in wanted.columns if name not in COLUMNS]
    with site.db.reading() as connection:
        listed = list_page(connection, wanted.filter, order=wanted.sort, after=wanted.after)
        ids = [row.record_id for row in listed.rows]
        values = values_at(connection, ids, extra) if extra else {}
    context: dict[str, Any] = {"wanted": wanted, "listed": listed, "values": values, "extra": extra, "columns": COLUMNS}
    context |= {"orders": ORDERS}
    if request.headers.get("hx-request"):
        response = fragment(request, "records_rows.html", **context)
    else:
        response = page(request, "records.html", choices=_column_choices(site, wanted.filter), **context)
    response.headers["Vary"] = "HX-Request"
    return response


@router.get("/records/facets")
def facet_counts(request: Request, site: TheSite, session: TheSession, wanted: TheWanted) -> Response:
    """Count what the list finds, by facet, and add up its amounts."""
    counted, added = site.counts.facets(wanted.filter), site.counts.totals(wanted.filter)
    with site.db.reading() as connection:
        saved = list_filters(connection, session.person.name)
    chosen = asdict(wanted.filter)
    labels = {name: FACET_LABELS[name] for name in FACET_LABELS if counted[name].values or chosen[name]}
    context = {"wanted": wanted, "facets": counted, "totals": added, "labels": labels, "chosen": chosen, "saved": saved}
    context["sample"] = SAMPLE
    return fragment(request, "facets.html", status=200, **context)


@router.post("/filters")
def keep_filter(form: Form, site: TheSite, session: TheSession) -> Response:
    """Keep a selection under a name, or drop it where `drop` says so."""
    name, query = form.get("name", "").strip()[:100], form.get("query", "")[:2_000]
    if not name:
        raise BadRequest("give the filter a name")
    who = session.person.name
    with site.db.writing() as connection:
        if "drop" in form:
            drop_filter(connection, who, name)
        else:
            save_filter(connection, who, name, _known(query))
    return RedirectResponse(f"/records?{_known(query)}", status_code=303)


def _known(query: str) -> str:
    """A query string with nothing in it but what the list knows."""
    names = {*asdict(Filter()), "sort", "columns"}
    return query_of({name: value for name, value in parse_qsl(query) if name in names})


def _column_choices(site: TheSite, wanted: Filter) -> dict[str, list[str]]:
    """Fields that may be columns: those of the chosen type."""
    if not wanted.schema or wanted.schema not in site.catalog.names():
        return {}
    root = tree(site.catalog.get(wanted.schema))
    return {wanted.schema: [leaf.path for leaf in leaves(root) if "[" not in leaf.path]}
