"""Truth files: what counts of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llava_ocr.evaluation.truth import (
    NO_FIELD,
    NOT_FLAGGED,
    NOT_VISIBLE,
    BadDataset,
    Truth,
    left_out_notes,
    load_truths,
)
from llava_ocr.schema import tree
from schemas.invoice import Invoice
from schemas.receipt import Receipt

INVOICE, RECEIPT = tree(Invoice), tree(Receipt)
DATA = Path(__file__).parents[2].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real documents is not beside the project")


def load(folder: Path, *lines: dict[str, Any], root: Any = INVOICE) -> tuple[Truth, ...]:
    (folder / "a.pdf").write_bytes(b"%PDF")
    path = folder / "truth.jsonl"
    path.write_text("\n".join(json.dumps({"id": "1", "file": "a.pdf"} | line) for line in lines), encoding="utf-8")
    return load_truths(path, root)


def test_only_what_a_flag_vouches_for_counts(tmp_path: Path) -> None:
    fields = {"invoice_number": "1", "net_total": "2.00", "currency": "EUR", "type_code": "380"}
    (truth,) = load(tmp_path, {"fields": fields, "visible": {"invoice_number": True, "net_total": False}})
    assert truth.leaves == {"invoice_number": "1"}
    reasons = {("net_total", NOT_VISIBLE), ("currency", NOT_FLAGGED), ("type_code", NO_FIELD)}
    assert set(truth.left_out) == reasons and len(left_out_notes([truth])) == 3


def test_without_flags_all_that_is_known_counts(tmp_path: Path) -> None:
    (truth,) = load(tmp_path, {"fields": {"invoice_number": "1", "due_date": None}})
    assert truth.leaves == {"invoice_number": "1"} and not truth.is_flagged


def test_a_blank_counts_only_where_truth_is_complete(tmp_path: Path) -> None:
    line: dict[str, Any] = {"fields": {"invoice_number": "1", "due_date": None, "lines": []}}
    line["visible"] = {"invoice_number": True, "due_date": False}
    (truth,) = load(tmp_path, line)
    (complete,) = load(tmp_path, line | {"complete": True})
    assert truth.leaves == {"invoice_number": "1"} and truth.lists == {}
    assert complete.leaves == {"invoice_number": "1", "due_date": None} and complete.lists == {"lines": ()}


def test_flag_of_a_party_vouches_for_its_name(tmp_path: Path) -> None:
    line = {"fields": {"seller": {"name": "N", "city": "C"}}, "visible": {"seller": True}}
    assert load(tmp_path, line)[0].leaves == {"seller.name": "N"}
    assert load(tmp_path, line | {"complete": True})[0].leaves == {"seller.name": "N", "seller.city": "C"}
    nested = line | {"visible": {"seller": {"name": False, "city": True}}}
    assert load(tmp_path, nested)[0].leaves == {"seller.city": "C"}


def test_rows_count_where_all_their_totals_are_on_the_page(tmp_path: Path) -> None:
    line = {"fields": {"lines": [{"description": "A", "line_total": 2.5}, {"description": None}]}}
    (whole,) = load(tmp_path, line | {"visible": {"line_totals": 1.0}})
    (part,) = load(tmp_path, line | {"visible": {"line_totals": 0.5}})
    assert whole.lists == {"lines": ({"description": "A", "line_total": "2.5"},)}
    assert part.lists == {}


def test_flags_may_go_by_other_names(tmp_path: Path) -> None:
    fields = {"merchant_name": "M", "merchant_address": "A", "date": "1/2/2018", "total": "3.00"}
    flags = {"company": True, "address": False, "date": True, "total": True}
    (truth,) = load(tmp_path, {"fields": fields, "label_in_transcript": flags}, root=RECEIPT)
    assert truth.leaves == {"merchant_name": "M", "date": "1/2/2018", "total": "3.00"}
    assert truth.issuer == "m"


def test_fields_may_go_by_other_names(tmp_path: Path) -> None:
    rows = [{"name": "A", "price_unit": "1.00"}, {"line_note": "no row"}]
    fields = {"issuer": "I", "amount": 4.10, "date": "2024-01-02", "partner_name": "P", "lines": rows}
    (truth,) = load(tmp_path, {"fields": [fields]})
    assert truth.leaves == {"grand_total": "4.1", "issue_date": "2024-01-02", "seller.name": "P"}
    assert truth.lists == {"lines": ({"description": "A", "unit_price": "1.00"},)}


def test_documents_of_one_id_go_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "b.pdf").write_bytes(b"%PDF")
    truths = load(tmp_path, {"fields": {}}, {"fields": {}, "file": "b.pdf"})
    assert [truth.id for truth in truths] == ["a.pdf", "b.pdf"]


def test_places_are_read_by_path(tmp_path: Path) -> None:
    printed = [{"path": "invoice_number", "page_index": 1, "boxes": [[0, 0, 0.5, 0.5]]}] * 2
    (truth,) = load(tmp_path, {"fields": {}, "printed": printed})
    assert [place.page_index for place in truth.places["invoice_number"]] == [1, 1]


@pytest.mark.parametrize(
    "line", [{"fields": 3}, {"fields": [{}, {}]}, {"fields": {}, "file": "none.pdf"}, {"fields": {}, "printed": [1]}]
)
def test_unusable_lines_are_named_by_number(tmp_path: Path, line: dict[str, Any]) -> None:
    with pytest.raises(BadDataset, match="line 2"):
        load(tmp_path, {"fields": {}}, line)


def test_a_file_of_nothing_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").write_text("\n")
    with pytest.raises(BadDataset, match="no documents"):
        load_truths(tmp_path / "truth.jsonl", INVOICE)


@needs_data
def test_real_invoices_weigh_by_content() -> None:
    truths = load_truths(DATA / "zugferd.truth.jsonl", INVOICE)
    assert (len(truths), len({truth.content for truth in truths}), len({truth.id for truth in truths})) == (
        122,
        42,
        122,
    )
    assert {"invoice_number", "issue_date", "seller.name", "net_total", "grand_total"} <= set(truths[0].leaves)
    assert sum(bool(truth.lists) for truth in truths) == 105


@needs_data
def test_real_receipts_count_what_is_in_their_transcripts() -> None:
    truths = load_truths(DATA / "sroie.truth.jsonl", RECEIPT)
    assert sum("merchant_name" in truth.leaves for truth in truths) == 56
    assert sum("merchant_address" in truth.leaves for truth in truths) == 53
    assert len({truth.issuer for truth in truths}) > 30


@needs_data
def test_real_invoices_of_another_project_are_in_our_terms() -> None:
    truths = load_truths(DATA / "invoice2data.truth.jsonl", INVOICE)
    assert all({"invoice_number", "issue_date", "currency"} <= set(truth.leaves) for truth in truths)
    assert sum(bool(truth.lists) for truth in truths) == 7
