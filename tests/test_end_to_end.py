"""From a real bucket to typed rows in a real database; only the model is played, by an engine that says the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from llava_ocr.geometry import Box
from llava_ocr.records import DocumentOutcome, FieldReading
from llava_ocr.run import ExtractOrder, RunEnd, begin, end, listed
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.demo import SCAN
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import paint_scan
from llava_ocr.synth.truth_file import image_bytes, images_to_pdf
from llava_ocr.work import read
from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY, S3Server
from tests.truthful import TruthfulEngine

pytestmark = pytest.mark.slow

NUM_INVOICES = 12
# A reader's word boxes and the painter's differ by how they see ascenders.
SLACK = 0.012


@pytest.fixture(scope="module")
def invoices() -> list[PaintedDocument]:
    return [paint("invoice", seed) for seed in range(NUM_INVOICES)]


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("LLAVA_OCR_S3_ENDPOINT", s3_server.endpoint)
    name = f"e2e-{uuid4().hex[:12]}"
    client = s3_server.client()
    client.create_bucket(Bucket=name)
    yield name
    client.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres_url"))


class TruthfulServices(Services):
    """Everything real but the model."""

    def __init__(self, database: str, documents: Sequence[PaintedDocument]) -> None:
        super().__init__(override(Settings(), db=database, engine="scripted"))
        self.__dict__["engine"] = TruthfulEngine(documents)


def put(server: S3Server, bucket: str, contents: dict[str, bytes]) -> None:
    client = server.client()
    for key, content in contents.items():
        client.put_object(Bucket=bucket, Key=key, Body=content)
    client.close()


def extract(services: Services, source: str) -> tuple[RunEnd, dict[str, DocumentOutcome]]:
    run = begin(ExtractOrder(source=source, schema_name="invoice"), services)
    outcomes: dict[str, DocumentOutcome] = {}
    read(run, listed(run.order, run.source), observe=lambda outcome: outcomes.update({outcome.uri: outcome}))
    return end(run, seconds=0.0), outcomes


def same(found: Any, truth: Any) -> bool:
    """Whether typed values are what the truth file says."""
    if isinstance(truth, dict):
        return all(same(found[name], part) for name, part in truth.items())
    if isinstance(truth, list):
        return len(found) == len(truth) and all(map(same, found, truth))
    if isinstance(found, Decimal):
        return truth is not None and found == Decimal(truth)
    return bool((found.isoformat() if isinstance(found, date) else found) == truth)


def stands_on_its_text(reading: FieldReading, document: PaintedDocument) -> bool:
    """Whether the words under the evidence are those of the value."""
    assert reading.evidence is not None and reading.text is not None, reading.path
    page = document.pages[reading.evidence.page_index]
    covered = " ".join(word.text for word in page.words if lies_in(word.box, reading.evidence.boxes))
    return all(part in covered for part in reading.text.split())


def stands_where_printed(reading: FieldReading, document: PaintedDocument) -> bool:
    """Whether the evidence covers one of the places where the painter printed the leaf."""
    assert reading.evidence is not None, reading.path
    page_index, boxes = reading.evidence.page_index, reading.evidence.boxes
    words = document.pages[page_index].words
    places = [value.words for value in document.printed if (value.path, value.page_index) == (reading.path, page_index)]
    return any(all(lies_in(words[index].box, boxes) for index in place) for place in places)


def lies_in(word: Box, boxes: Sequence[Box]) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return any(box.x0 <= x <= box.x1 and box.y0 - SLACK <= y <= box.y1 + SLACK for box in boxes)


def rows(services: Services, query: str) -> list[dict[str, Any]]:
    with services.database.reading() as transaction:
        return [dict(row._mapping) for row in transaction.execute(text(query))]


def key_of(index: int) -> str:
    return f"in/{index:03}.pdf"


def test_painted_invoices_become_true_records_and_rows(
    s3_server: S3Server, bucket: str, database: str, invoices: list[PaintedDocument]
) -> None:
    put(s3_server, bucket, {key_of(index): paint_pdf(one) for index, one in enumerate(invoices)})
    with closing(TruthfulServices(database, invoices)) as services:
        ended, outcomes = extract(services, f"s3://{bucket}/in/")
        totals = rows(services, f"SELECT uri, {exact('net_total', 'tax_total', 'grand_total')}, currency FROM invoice")
        items = rows(
            services, f"SELECT uri, row_index, {exact('quantity', 'unit_price', 'line_total')} FROM invoice_lines"
        )
    assert (ended.balance.is_balanced, ended.balance.documents_ok) == (True, NUM_INVOICES)
    assert ended.balance.ok == sum(len(one.pages) for one in invoices)
    by_uri = {f"s3://{bucket}/{key_of(index)}": one for index, one in enumerate(invoices)}
    assert_records_are_true(outcomes, by_uri)
    assert {row["uri"] for row in totals} == by_uri.keys()
    for row in totals:
        assert_row_is_true(row, by_uri[row["uri"]].truth)
    for row in items:
        assert_row_is_true(row, by_uri[row["uri"]].truth["lines"][row["row_index"]])
    assert len(items) == sum(len(one.truth["lines"]) for one in invoices)


def assert_records_are_true(outcomes: dict[str, DocumentOutcome], by_uri: dict[str, PaintedDocument]) -> None:
    num_readings = num_in_place = 0
    for uri, document in by_uri.items():
        [record] = outcomes[uri].records
        assert same(record.values, document.truth), uri
        for reading in record.fields:
            if reading.value is not None:
                assert stands_on_its_text(reading, document), (uri, reading)
                num_readings += 1
                num_in_place += stands_where_printed(reading, document)
    # Of a text that a page holds twice, such as both prices of a line of one piece, the place is a guess.
    assert num_in_place >= 0.9 * num_readings, (num_in_place, num_readings)


def exact(*names: str) -> str:
    """Amounts as they are held, to the last digit; the plain columns are for reckoning."""
    return ", ".join(f"{name}_exact AS {name}" for name in names)


def assert_row_is_true(row: dict[str, Any], truth: dict[str, Any]) -> None:
    """No amount may have passed through a float."""
    for name in row.keys() - {"uri", "row_index"}:
        found, expected = row[name], truth[name]
        assert not isinstance(found, float), name
        is_amount = name != "currency" and expected is not None
        assert (Decimal(found) == Decimal(expected)) if is_amount else (found == expected), (row, name)


def test_scans_are_accounted_for_to_the_last_page(
    s3_server: S3Server, bucket: str, tmp_path: Path, invoices: list[PaintedDocument]
) -> None:
    """What the OCR reader makes of a scan is not what was painted, so only the accounts are certain."""
    chosen = [next(one for one in invoices if len(one.pages) == count) for count in (1, 2)]
    scans = [paint_scan(one, SCAN) for one in chosen]
    contents = {"in/000.jpg": image_bytes(scans[0][0].image), "in/001.pdf": images_to_pdf(scans[1], dpi=SCAN.dpi)}
    put(s3_server, bucket, contents)
    with closing(TruthfulServices(f"sqlite:///{tmp_path / 'records.db'}", chosen)) as services:
        ended, outcomes = extract(services, f"s3://{bucket}/in/")
        readers = {row["reader"] for row in rows(services, "SELECT reader FROM pages")}
    assert (ended.balance.is_balanced, ended.balance.ok, ended.balance.documents_ok) == (True, 3, 2)
    assert all(len(outcome.records) == 1 for outcome in outcomes.values())
    assert readers == {"ocr"}
