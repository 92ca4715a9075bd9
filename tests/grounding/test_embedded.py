"""An e-invoice inside of a document: its values stand, the print tells where, and a difference is said."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from llava_ocr.einvoice import EInvoice, Value
from llava_ocr.grounding.read import ReadRecord, read_record
from llava_ocr.records import FieldReading, FieldState, WordReader
from schemas.invoice import Invoice
from tests.grounding.test_read import field, page

PRINT = "Invoice No 4711\nInvoice Date 25.12.2024\nMusterlieferant GmbH\nGrand total 1.190,00"
ANSWER = {"invoice_number": "4711", "issue_date": "25.12.2024", "grand_total": "1.190,00"}


def read(header: Mapping[str, Value], *lines: Mapping[str, Value], text: str = PRINT, **answer: Any) -> ReadRecord:
    pages = [page(text, **(ANSWER | answer))]
    return read_record(Invoice, pages, embedded=EInvoice(header, lines, ()))


def reader_of(reading: FieldReading) -> WordReader | None:
    return reading.evidence.reader if reading.evidence else None


def test_a_value_that_is_in_the_xml_and_on_the_page_has_its_box() -> None:
    record = read({"BT-112": Decimal("1190.00"), "BT-2": date(2024, 12, 25)})
    for path, value in (("grand_total", Decimal("1190.00")), ("issue_date", date(2024, 12, 25))):
        reading = field(record, path)
        assert (reading.value, reader_of(reading), reading.state) == (value, WordReader.XML, FieldState.VALUE)
        assert reading.evidence is not None and reading.evidence.boxes


def test_a_difference_is_a_conflict_with_a_finding() -> None:
    record = read({"BT-112": Decimal("999.00")})
    reading = field(record, "grand_total")
    assert (reading.state, reading.value, reading.candidates) == (FieldState.CONFLICT, None, ("999", "1.190,00"))
    assert [finding.paths for finding in record.findings if finding.check == "embedded_differs"] == [("grand_total",)]


def test_a_value_that_is_printed_nowhere_and_read_nowhere_stands_without_a_box() -> None:
    reading = field(read({"BT-9": date(2025, 1, 25)}), "due_date")
    assert (reading.value, reader_of(reading)) == (date(2025, 1, 25), WordReader.XML)
    assert reading.evidence is not None and reading.evidence.boxes == ()


def test_a_value_that_the_model_misread_is_taken_where_the_xml_and_the_page_have_it() -> None:
    record = read({"BT-1": "4711"}, invoice_number="25.12.2024")
    assert (field(record, "invoice_number").value, record.findings) == ("4711", ())


def test_capitals_and_marks_make_no_difference_to_a_name() -> None:
    record = read({"BT-27": "MUSTERLIEFERANT GMBH"}, seller={"name": "Musterlieferant GmbH"})
    assert (field(record, "seller.name").value, record.findings) == ("MUSTERLIEFERANT GMBH", ())


def test_what_the_xml_leaves_out_stays_as_it_was_read() -> None:
    reading = field(read({"BT-1": "4711"}), "grand_total")
    assert (reading.value, reader_of(reading)) == (Decimal("1190.00"), WordReader.TEXT_LAYER)


def test_the_sign_that_a_credit_note_prints_is_kept() -> None:
    text = PRINT.replace("1.190,00", "-1.190,00")
    record = read({"BT-3": "381", "BT-112": Decimal("1190.00")}, text=text, grand_total="-1.190,00")
    assert (field(record, "grand_total").value, record.findings) == (Decimal("-1190.00"), ())


def test_the_lines_of_the_xml_replace_those_that_were_read() -> None:
    lines = ({"BT-153": "Shovel", "BT-131": Decimal("10")}, {"BT-153": "Rake", "BT-131": Decimal("1180")})
    record = read({}, *lines, lines=[{"description": "Musterlieferant", "line_total": "1.190,00"}])
    assert [row["description"] for row in record.values["lines"]] == ["Shovel", "Rake"]
    assert [reading.path for reading in record.fields if reading.path.endswith("description")] == [
        "lines[0].description",
        "lines[1].description",
    ]


def test_a_code_of_the_xml_that_fails_its_check_has_a_finding() -> None:
    assert [finding.check for finding in read({"BT-84": "DE00 1234"}).findings] == ["iban"]


def test_a_vat_id_that_the_xml_has_is_no_misprint() -> None:
    text = PRINT + "\n\nUSt-IdNr: DE123456789"
    assert "vat" in [finding.check for finding in read({}, text=text).findings]
    record = read({"BT-31": "DE123456789"}, text=text)
    assert field(record, "seller.vat_id").value == "DE123456789"
    assert "vat" not in [finding.check for finding in record.findings]
