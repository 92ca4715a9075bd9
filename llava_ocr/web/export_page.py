"""Downloads: the records of a selection, of one type, as CSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from llava_ocr.db.csv_export import CsvColumns
from llava_ocr.db.export import export_records
from llava_ocr.db.people import note
from llava_ocr.files import FileFormat
from llava_ocr.web.faults import BadRequest
from llava_ocr.web.records_page import TheWanted
from llava_ocr.web.state import TheSession, TheSite

router = APIRouter()

_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.JSONL: "application/jsonl; charset=utf-8",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CHUNK_BYTES = 1 << 18


@router.get("/export")
def export(
    request: Request,
    site: TheSite,
    session: TheSession,
    wanted: TheWanted,
    format: FileFormat = FileFormat.CSV,
    evidence: Annotated[bool, Query(description="CSV: page, boxes and a link to the picture of each field")] = False,
) -> StreamingResponse:
    """Send a file with the current records of one type that the list's filters find."""
    schema = wanted.filter.schema
    if not schema:
        raise BadRequest("say which type to export")
    found = site.catalog.get(schema)
    columns = CsvColumns(evidence, str(request.base_url).rstrip("/") if evidence else "")
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is sent)
    count = export_records(site.db, found, format=format, out=file, wanted=wanted.filter, columns=columns)
    with site.db.writing() as connection:
        note(connection, session.person.name, f"exported {count} records", f"{schema}.{format.value}")
    # The name is one of the catalogue's, so it has nothing in it that a header could be broken with.
    headers = {"Content-Disposition": f'attachment; filename="{schema}.{format.value}"'}
    return StreamingResponse(_chunks(file), media_type=_TYPES[format], headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
