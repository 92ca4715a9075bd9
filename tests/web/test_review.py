"""Decisions of people: written down, shown, taken back, and kept when the document is read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from llava_ocr.db.corrections import corrections_of, place_of
from llava_ocr.db.review_rows import CORRECTIONS, LISTINGS
from llava_ocr.db.stored import NoSuchRecord, StoredRecord, load_records
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.records import FieldReading, FieldState
from llava_ocr.services import Services
from llava_ocr.web import review_page
from llava_ocr.web.faults import status_of_error
from llava_ocr.web.opening import open_site
from tests.web.conftest import Served, read_all, services_over


def record(served: Served, record_id: int = 1) -> StoredRecord:
    with served.db.reading() as connection:
        [found] = load_records(connection, [record_id])
    return found


def field(served: Served, path: str, record_id: int = 1) -> FieldReading:
    return next(field for field in record(served, record_id).fields if field.path == path)


def status(served: Served, record_id: int = 1) -> str:
    with served.db.reading() as connection:
        return str(connection.execute(select(LISTINGS.c.status).where(LISTINGS.c.record_id == record_id)).scalar_one())


def num_rows(served: Served) -> int:
    with served.db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(CORRECTIONS)).scalar_one())


def test_a_correction_is_typed_shown_and_signed(served: Served) -> None:
    answer = served.post("/records/1/say", path="grand_total", verdict="correct", text="1.234,50")
    assert "corrected, was" in answer.text
    assert str(field(served, "grand_total").value) == "1234.50"
    with served.db.reading() as connection:
        [said] = corrections_of(connection, place_of(connection, 1))
    assert (said.who, said.verdict, said.made_at.tzinfo is not None) == ("local", "correct", True)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("issue_date", "someday", "no date"),
        ("grand_total", "1.234", "could mean"),
        ("iban", "DE89 3704 0044 0532 0130 01", "check digits"),
        ("issue_date", "", "type a value"),
        ("nothing", "x", "no such field"),
    ],
)
def test_what_is_no_value_is_refused_in_words(served: Served, path: str, text: str, message: str) -> None:
    answer = served.post("/records/1/say", path=path, verdict="correct", text=text)
    assert answer.status_code == 422 and message in answer.json()["error"]
    assert num_rows(served) == 0


def test_undo_brings_the_machine_s_reading_back_and_deletes_nothing(served: Served) -> None:
    before = record(served).fields
    served.post("/records/1/say", path="invoice_number", verdict="correct", text="X-1")
    served.post("/records/1/say", path="invoice_number", verdict="illegible")
    assert field(served, "invoice_number").state is FieldState.ILLEGIBLE
    served.post("/records/1/undo")
    assert field(served, "invoice_number").value == "X-1"
    served.post("/records/1/undo")
    assert record(served).fields == before and num_rows(served) == 4
    assert served.post("/records/1/undo").headers["X-Undone"] == ""


def test_absent_empties_a_field(served: Served) -> None:
    served.post("/records/1/say", path="invoice_number", verdict="absent")
    found = field(served, "invoice_number")
    assert (found.state, found.value, found.confidence) == (FieldState.ABSENT, None, 1.0)


def test_checks_run_again_after_a_correction(served: Served) -> None:
    for path, text in (("net_total", "100.00"), ("tax_total", "20.00"), ("grand_total", "120.00")):
        served.post("/records/1/say", path=path, verdict="correct", text=text)
    served.post("/records/1/say", path="grand_total", verdict="correct", text="1.00")
    assert "totals" in [finding.check for finding in record(served).findings]
    served.post("/records/1/undo")
    assert "totals" not in [finding.check for finding in record(served).findings]


def approve(served: Served) -> None:
    """Approve the first record, whatever is in doubt."""
    asked = served.post("/records/1/approve")
    if asked.status_code == 202:
        served.post("/records/1/approve", doubts=str(len(asked.json()["doubts"])))


def test_approving_what_is_in_doubt_asks_first(served: Served) -> None:
    served.post("/records/1/say", path="due_date", verdict="correct", text="2000-01-01")
    asked = served.post("/records/1/approve")
    assert (asked.status_code, status(served)) == (202, "to_check")
    doubts = asked.json()["doubts"]
    assert "Issue date" in doubts
    assert served.post("/records/1/approve", doubts=str(len(doubts) + 1)).status_code == 202
    assert served.post("/records/1/approve", doubts=str(len(doubts))).status_code == 200
    assert status(served) == "reviewed"


def test_approval_takes_a_record_out_of_the_queue(served: Served) -> None:
    approve(served)
    assert status(served) == "reviewed" and all(field.confidence == 1.0 for field in record(served).fields)
    assert 'data-record="1"' not in served.client.get("/review").text
    served.post("/records/1/undo")
    assert status(served) != "reviewed"


def test_corrections_survive_a_new_reading(served: Served, painted: Path) -> None:
    total = field(served, "grand_total").value
    served.post("/records/1/say", path="invoice_number", verdict="correct", text="X-1")
    again = Services(services_over(served.services.settings.db).settings)
    again.__dict__["engine"] = ScriptedEngine()
    read_all(again, painted / "in", force=True)
    again.close()
    assert field(served, "invoice_number").value == "X-1"
    # The engine that says nothing replaced all the rest.
    assert field(served, "grand_total").value != total


def test_a_new_reading_that_disagrees_is_a_conflict_until_somebody_rules(served: Served, painted: Path) -> None:
    approve(served)
    again = services_over(served.services.settings.db, ScriptedEngine())
    read_all(again, painted / "in", force=True)
    again.close()
    found = field(served, "invoice_number")
    assert status(served) == "conflict" and found.state is FieldState.CONFLICT and found.value is not None
    assert "no longer read" in served.client.get("/records/1").text
    approve(served)
    assert status(served) == "reviewed" and field(served, "invoice_number").state is FieldState.VALUE


def test_a_drawn_box_is_the_evidence(served: Served) -> None:
    boxes = "[[0.1,0.1,0.2,0.12]]"
    served.post("/records/1/say", path="invoice_number", verdict="correct", text="X-1", page_index="0", boxes=boxes)
    evidence = field(served, "invoice_number").evidence
    assert evidence is not None and evidence.boxes[0].x1 == pytest.approx(0.2)


def test_boxes_that_are_none_are_refused(served: Served) -> None:
    for boxes in ("[]", "nonsense", '[["a",0,0,0]]', "[[1]]", "null"):
        form = {"verdict": "correct", "text": "X", "page_index": "0", "boxes": boxes}
        assert served.post("/records/1/say", path="invoice_number", **form).status_code == 400


def test_a_reading_that_was_replaced_a_moment_ago_is_not_found(served: Served) -> None:
    gone = 999
    assert served.post(f"/records/{gone}/say", path="grand_total", verdict="absent").status_code == 404
    form = {"boxes": "[[0.1,0.1,0.2,0.12]]", "page_index": "0"}
    with open_site(served.services) as site:
        # Between two looks at the database, as they happen within one request.
        with pytest.raises(NoSuchRecord) as met:
            review_page._evidence(site, gone, form)
        assert status_of_error(met.value) == 404
        with pytest.raises(NoSuchRecord):
            review_page.schema_of(site, gone)
    assert served.client.get(f"/api/v1/records/{gone}").status_code == 404
    assert served.client.get(f"/api/v1/records/{gone}/corrections").status_code == 404
    assert served.client.get(f"/records/{gone}/crop.png?path=grand_total").status_code == 404
