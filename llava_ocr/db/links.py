"""Documents and records that are the same again: linked, never deleted. `review.sameness` says what the same is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, select

from llava_ocr.db.link_rows import LINKS
from llava_ocr.db.rows import LOCATIONS, PAGES, RECORDS
from llava_ocr.db.stored import StoredRecord
from llava_ocr.db.upserts import chunks, insert_missing
from llava_ocr.records import DocumentOutcome, PageOutcome
from llava_ocr.review.sameness import Link, LinkKind, key_digest, pixels_digest

_ONE, _FIRST = LINKS.alias("one"), LINKS.alias("first")


def link_pixels(connection: Connection, outcomes: Iterable[DocumentOutcome]) -> None:
    """Link documents with those that look the same on every page."""
    _link_pixels(connection, [(one.document.id, one.pages) for one in outcomes if one.document])


def link_pixels_again(connection: Connection, document_ids: Sequence[str]) -> None:
    """The same for documents whose links were dropped, from the pages of the last run that opened each."""
    newest = select(func.max(PAGES.c.run_id)).where(PAGES.c.document_id == bindparam("of_document"))
    pages = select(PAGES).where(
        PAGES.c.document_id == bindparam("of_document"), PAGES.c.run_id == newest.scalar_subquery()
    )
    for document_id in document_ids:
        rows = connection.execute(pages, {"of_document": document_id})
        seen = [PageOutcome(row.page_index, row.state, row.reason, image_hash=row.image_hash) for row in rows]
        _link_pixels(connection, [(document_id, seen)] if seen else [])


def _link_pixels(connection: Connection, documents: Iterable[tuple[str, Sequence[PageOutcome]]]) -> None:
    digests = sorted({(document_id, digest) for document_id, pages in documents if (digest := pixels_digest(pages))})
    common = {"kind": LinkKind.PIXELS.value, "schema_name": "", "record_index": 0}
    insert_missing(connection, LINKS, [common | {"document_id": one, "digest": digest} for one, digest in digests])


def link_keys(connection: Connection, records: Sequence[StoredRecord], keys: Mapping[str, Sequence[str]]) -> None:
    """Link current records by their business keys, whose paths `keys` names by schema; a changed key moves the link."""
    rows = [_key_row(record, keys.get(record.schema, ())) for record in records]
    if not rows:
        return
    of_place = [LINKS.c[name] == bindparam(f"of_{name}") for name in ("document_id", "schema_name", "record_index")]
    moved = delete(LINKS).where(*of_place, LINKS.c.kind == LinkKind.BUSINESS_KEY, LINKS.c.digest != bindparam("now"))
    names = ("document_id", "schema_name", "record_index")
    connection.execute(moved, [{f"of_{name}": row[name] for name in names} | {"now": row["digest"]} for row in rows])
    insert_missing(connection, LINKS, [row for row in rows if row["digest"]])


def unlink_gone(connection: Connection, settled: Iterable[tuple[str, str]]) -> None:
    """Take the business keys away of records of these (document, schema) pairs that are no longer current."""
    still = (RECORDS.c.document_id == LINKS.c.document_id, RECORDS.c.schema_name == LINKS.c.schema_name)
    is_current = select(RECORDS.c.id).where(
        *still, RECORDS.c.record_index == LINKS.c.record_index, RECORDS.c.is_current
    )
    gone = delete(LINKS).where(
        LINKS.c.document_id == bindparam("of_document"),
        LINKS.c.schema_name == bindparam("as_schema"),
        LINKS.c.kind == LinkKind.BUSINESS_KEY,
        ~is_current.exists(),
    )
    pairs = [{"of_document": document_id, "as_schema": schema} for document_id, schema in settled]
    if pairs:
        connection.execute(gone, pairs)


def linked(connection: Connection, records: Iterable[StoredRecord]) -> Iterator[StoredRecord]:
    """Yield the records with what came before each that is the same, and with all their addresses, never holding more
    than a batch of them."""
    for batch in chunks(records):
        found = _links(connection, sorted({record.document_id for record in batch}))
        places = addresses_of(connection, (record.document_id for record in batch))
        for record in batch:
            own = found[record.document_id, record.schema, record.record_index]
            same = (*found[record.document_id, "", 0], *own)
            yield replace(record, links=same, addresses=places[record.document_id])


def firsts(connection: Connection, document_ids: Iterable[str]) -> Callable[[str, str, int], Link | None]:
    """Look up, by document, schema and number of a record, the first that is the same."""
    found = _links(connection, sorted(set(document_ids)))

    def first(document_id: str, schema: str, record_index: int) -> Link | None:
        return next(iter((*found[document_id, "", 0], *found[document_id, schema, record_index])), None)

    return first


def addresses_of(connection: Connection, document_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """List where each document lies, by document: more than one address for what is there more than once."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for chunk in chunks(sorted(set(document_ids))):
        places = select(LOCATIONS.c.document_id, LOCATIONS.c.uri).where(LOCATIONS.c.document_id.in_(chunk))
        for document_id, uri in connection.execute(places.order_by(LOCATIONS.c.uri)):
            found[document_id] += (uri,)
    return found


def num_later(connection: Connection, record: StoredRecord) -> dict[LinkKind, int]:
    """Count what is linked to a record as its first, by kind."""
    later = select(_ONE.c.kind, func.count()).where(*_is_first_of_same(), _FIRST.c.document_id == record.document_id)
    of_it = (_FIRST.c.schema_name == "") | (
        (_FIRST.c.schema_name == record.schema) & (_FIRST.c.record_index == record.record_index)
    )
    return {LinkKind(kind): count for kind, count in connection.execute(later.where(of_it).group_by(_ONE.c.kind))}


def first_of_record(column: str) -> Select[Any]:
    """Select a column of what came first of those that are the same as a row of RECORDS, to be correlated with it."""
    own = (_ONE.c.schema_name == RECORDS.c.schema_name) & (_ONE.c.record_index == RECORDS.c.record_index)
    is_it = (_ONE.c.document_id == RECORDS.c.document_id, (_ONE.c.schema_name == "") | own)
    return select(_FIRST.c[column]).where(*_is_first_of_same(), *is_it).order_by(_FIRST.c.id).limit(1)


def _is_first_of_same() -> tuple[ColumnElement[bool], ...]:
    other = LINKS.alias("other")
    same = (other.c.kind == _ONE.c.kind, other.c.digest == _ONE.c.digest)
    first = select(func.min(other.c.id)).where(*same).correlate(_ONE).scalar_subquery()
    return _FIRST.c.id == first, _FIRST.c.id < _ONE.c.id


def _links(connection: Connection, document_ids: Sequence[str]) -> defaultdict[tuple[str, str, int], list[Link]]:
    """Find what came before documents and their records, by document, schema (empty: the document's) and number."""
    place = (_ONE.c.document_id, _ONE.c.schema_name, _ONE.c.record_index)
    uri = select(func.min(LOCATIONS.c.uri)).where(LOCATIONS.c.document_id == _FIRST.c.document_id)
    first = (_FIRST.c.document_id, _FIRST.c.record_index, uri.correlate(_FIRST).scalar_subquery())
    earlier = select(*place, _ONE.c.kind, *first).where(*_is_first_of_same(), _ONE.c.document_id.in_(document_ids))
    found: defaultdict[tuple[str, str, int], list[Link]] = defaultdict(list)
    for row in connection.execute(earlier.order_by(_FIRST.c.id, _ONE.c.id)):
        document_id, schema_name, record_index, kind, first_id, first_index, first_uri = row
        link = Link(LinkKind(kind), first_id, first_index, first_uri or "")
        found[document_id, schema_name, record_index].append(link)
    return found


def _key_row(record: StoredRecord, paths: Sequence[str]) -> dict[str, Any]:
    digest = key_digest(record.schema, paths, {field.path: field for field in record.fields})
    return {
        "kind": LinkKind.BUSINESS_KEY.value,
        "digest": digest,
        "document_id": record.document_id,
        "schema_name": record.schema,
        "record_index": record.record_index,
    }
