"""Views, exports, `--json`, pages and the review queue say the same of whether a person should look at a record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from llava_ocr.catalog import Catalog
from llava_ocr.cli.jsonlines import outcome_line
from llava_ocr.db.browse import EVERYTHING, list_page, next_to_review
from llava_ocr.db.calibrations import save_calibration
from llava_ocr.db.export import export_records
from llava_ocr.db.listings import list_all_again
from llava_ocr.db.session import Database, open_database
from llava_ocr.files import FileFormat
from llava_ocr.records import FieldReading, FieldState, Finding, Record
from llava_ocr.review.calibration import FEATURES, Calibration
from llava_ocr.review.status import Status, status_of
from llava_ocr.web.record_page import shown_record
from llava_ocr.web.state import Site
from tests.db.made import ORDER, Bill, document, fields, outcome, reading, record

FINDING = Finding("lines sum to total", "12.00 != 12.50", ("lines", "total"))
NOTHING = tuple(FieldReading(path, FieldState.ABSENT) for path in ("number", "issue_date", "seller.name", "total"))
UNSURE = tuple(replace(field, confidence=0.4) if field.path == "total" else field for field in fields())


def odd(state: FieldState) -> tuple[FieldReading, ...]:
    return (*fields()[:-1], FieldReading("seller.name", state, "Ann", candidates=("Ann", "Anna")))


# By name: fields, checks that do not hold, and whether a person should look.
RECORDS: dict[str, tuple[Sequence[FieldReading], Sequence[Finding], bool]] = {
    "sound": (fields(), (), False),
    "a check does not hold": (fields(), (FINDING,), True),
    "unsure": (UNSURE, (), True),
    **{
        state.value: (odd(state), (), True)
        for state in FieldState
        if state not in (FieldState.VALUE, FieldState.ABSENT)
    },
    "one value, the rest absent": ((reading("number", "R-1"), *NOTHING[1:]), (), False),
    "nothing was read": (NOTHING, (), True),
    "no fields at all": ((), (), True),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        database.refresh_views(Bill)
        yield database


def made(name: str) -> Record:
    values, findings, _ = RECORDS[name]
    status = status_of(values, findings)
    of = document(name)
    return replace(record(of), fields=tuple(values), findings=tuple(findings), needs_review=status.needs_review)


def outlets(db: Database, name: str, one: Record) -> dict[str, bool]:
    """What each says of the one record that the database holds."""
    [in_json] = json.loads(outcome_line(outcome(document(name), one)))["records"]
    exported = {}
    for format in FileFormat:
        exported[format] = io.BytesIO()
        export_records(db, Bill, format=format, out=exported[format])
    [in_csv] = csv.DictReader(io.StringIO(exported[FileFormat.CSV].getvalue().decode()))
    [in_parquet] = pl.read_parquet(io.BytesIO(exported[FileFormat.PARQUET].getvalue())).to_dicts()
    with db.reading() as connection:
        [in_view] = connection.execute(text("SELECT record_id, needs_review FROM bill")).all()
        [listed] = list_page(connection, EVERYTHING).rows
        queued = next_to_review(connection, EVERYTHING)
    page = shown_record(Site(db, Catalog([]), None, frozenset(), must_sign_in=False), in_view.record_id)
    return {
        "--json": in_json["needs_review"],
        "jsonl": json.loads(exported[FileFormat.JSONL].getvalue())["needs_review"],
        "csv": in_csv["needs_review"] == "True",
        "parquet": in_parquet["needs_review"],
        "view": bool(in_view.needs_review),
        "list": Status(listed.status).needs_review,
        "page": Status(page.status).needs_review,
        "queue": queued is not None,
    }


@pytest.mark.parametrize("name", RECORDS)
def test_all_outlets_say_the_same(db: Database, name: str) -> None:
    one = made(name)
    db.save(db.start_run(ORDER), [outcome(document(name), one)])
    said = outlets(db, name, one)
    assert said == dict.fromkeys(said, RECORDS[name][2])


def test_what_verdicts_taught_counts_in_every_outlet(db: Database) -> None:
    one = made("sound")
    db.save(db.start_run(ORDER), [outcome(document("sound"), one)])
    taught = Calibration((0.0,) * len(FEATURES), ((-1.0, 0.6),), review_below=0.8)
    with db.writing() as connection:
        save_calibration(connection, taught, {}, who="ann")
    list_all_again(db)
    said = outlets(db, "sound", one)
    assert said.pop("--json") is False, "it tells what this run read"
    assert said == dict.fromkeys(said, True)


def test_a_hard_zero_is_a_value(db: Database) -> None:
    only_zero = (reading("total", Decimal("0.00")), *NOTHING[:3])
    assert status_of(only_zero, ()) is Status.SOUND
