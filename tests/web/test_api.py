"""The JSON API: described, paged, and the same rules as on the pages."""

from __future__ import annotations

from tests.web.conftest import Served
from tests.web.test_review import field


def test_every_operation_is_described(shared: Served) -> None:
    described = shared.client.get("/api/openapi.json").json()
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    assert len({operation["operationId"] for operation in operations}) == len(operations) >= 9


def test_lists_are_paged_and_counted(shared: Served) -> None:
    first = shared.client.get("/api/v1/records", params={"limit": 2}).json()
    rest = shared.client.get("/api/v1/records", params={"limit": 2, "after": first["next"]}).json()
    assert len({row["id"] for row in first["records"] + rest["records"]}) == 3 and rest["next"] == ""
    assert shared.client.get("/api/v1/records/totals").json()["count"] == 3


def test_a_record_comes_with_evidence_and_exact_amounts(shared: Served) -> None:
    found = shared.client.get("/api/v1/records/1").json()
    total = next(one for one in found["fields"] if one["path"] == "grand_total")
    assert total["value"] == found["values"]["grand_total"] and isinstance(total["value"], str) and total["box"]


def test_a_verdict_is_written_down(served: Served) -> None:
    said = {"path": "invoice_number", "verdict": "correct", "text": "X-9"}
    headers = {"X-CSRF-Token": served.csrf()}
    assert served.client.post("/api/v1/records/1/corrections", json=said, headers=headers).status_code == 201
    assert field(served, "invoice_number").value == "X-9"
    [line] = served.client.get("/api/v1/records/1/corrections").json()
    assert (line["path"], line["verdict"], line["value"]) == ("invoice_number", "correct", "X-9")
    assert served.client.post("/api/v1/records/1/undo", headers=headers).status_code == 200


def test_faults_are_json_with_what_to_do(shared: Served) -> None:
    headers = {"X-CSRF-Token": shared.csrf()}
    for path in ("/api/v1/records/999", "/api/v1/records/999/corrections"):
        answer = shared.client.get(path)
        assert answer.status_code == 404 and answer.json()["hint"]
    assert shared.client.get("/api/v1/records/0").status_code == 422
    said = {"path": "x", "verdict": "approve"}
    assert shared.client.post("/api/v1/records/1/corrections", json=said, headers=headers).status_code == 422
    said = {"path": "nothing", "verdict": "accept"}
    assert shared.client.post("/api/v1/records/1/corrections", json=said, headers=headers).status_code == 404
