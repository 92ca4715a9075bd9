"""What the pages show, and how they answer."""

from __future__ import annotations

import csv
import io
import re

from sqlalchemy import select

from llava_ocr.db.review_rows import LISTINGS
from tests.web.conftest import Served


def rows(text: str) -> list[str]:
    return re.findall(r'<a href="/records/(\d+)">', text)


def test_records_are_listed_with_their_amounts(shared: Served) -> None:
    text = shared.client.get("/records").text
    assert len(rows(text)) == 3 and "invoice-0.pdf" in text


def test_search_finds_a_value_and_a_word_of_the_page(shared: Served) -> None:
    with shared.db.reading() as connection:
        number = connection.execute(select(LISTINGS.c.number).where(LISTINGS.c.record_id == 1)).scalar_one()
    assert rows(shared.client.get("/records", params={"q": number}).text) == ["1"]
    assert rows(shared.client.get("/records", params={"q": "zzzzqqq"}).text) == []


def test_htmx_gets_the_rows_alone(shared: Served) -> None:
    text = shared.client.get("/records", headers={"HX-Request": "true"}).text
    assert "<html" not in text and len(rows(text)) == 3


def test_facets_count_and_add_up(shared: Served) -> None:
    text = shared.client.get("/records/facets", params={"schema": "invoice"}).text
    assert "<strong>3</strong>" in text and "remove this filter" in text


def test_a_record_shows_fields_boxes_and_history(shared: Served) -> None:
    text = shared.client.get("/records/1").text
    assert 'data-path="invoice_number"' in text and "data-boxes=" in text and "read by scripted" in text


def test_a_page_is_drawn_and_a_field_cut_out(shared: Served) -> None:
    text = shared.client.get("/records/1").text
    [address] = re.findall(r'src="(/documents/[0-9a-f]{64}/pages/0.jpg)"', text)
    assert shared.client.get(address).content[:2] == b"\xff\xd8"
    cut = shared.client.get("/records/1/crop.png", params={"path": "invoice_number"})
    assert cut.content[1:4] == b"PNG" and cut.headers["content-type"] == "image/png"


def test_unknown_records_and_pages_are_not_found(shared: Served) -> None:
    for path in ("/records/999", "/nowhere", f"/documents/{'0' * 64}/pages/0.jpg"):
        assert shared.client.get(path, headers={"accept": "text/html"}).status_code == 404


def test_words_under_a_box_are_read(shared: Served) -> None:
    text = shared.client.get("/records/1").text
    [document] = set(re.findall(r'data-document="([0-9a-f]{64})"', text))
    boxes = re.search(r'data-path="invoice_number"[^>]*data-boxes="([^;"]+)', text)
    assert boxes is not None
    x0, y0, x1, y1 = boxes[1].split(",")
    query = {"x0": x0, "y0": y0, "x1": x1, "y1": y1}
    answer = shared.client.get(f"/documents/{document}/pages/0/words", params=query).json()
    assert answer["text"] and answer["reader"] == "text_layer" and len(answer["boxes"]) >= 1


def test_saved_filters_come_back(shared: Served) -> None:
    shared.post("/filters", name="Mine", query="schema=invoice&evil=1")
    text = shared.client.get("/records/facets").text
    assert "/records?schema=invoice" in text and "evil" not in text
    shared.post("/filters", name="Mine", query="", drop="1")
    assert "Mine" not in shared.client.get("/records/facets").text


def test_an_export_holds_the_selection_with_links_to_pictures(shared: Served) -> None:
    answer = shared.client.get("/export", params={"schema": "invoice", "q": "invoice-1", "evidence": "1"})
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert row["grand_total_crop"].startswith(shared.url) and row["uri"].endswith("invoice-1.pdf")
    assert shared.client.get("/export").status_code == 400
    assert "/export?q=invoice-1" in shared.client.get("/records/facets?q=invoice-1").text


def test_quality_tells_of_fields_names_months_and_days(served: Served) -> None:
    served.post("/records/1/say", path="grand_total", verdict="correct", text="1.00")
    served.post("/records/1/say", path="issue_date", verdict="accept")
    text = served.client.get("/quality").text
    for title in ("By field", "By name", "By month", "Pages read by day", "How honest the percentages are"):
        assert title in text
    assert "50.0 %" in text
