from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from llava_ocr.catalog import Catalog
from llava_ocr.schema import DocumentSchema, Kind, leaves, tree
from schemas.invoice import Invoice
from schemas.purchase_order import PurchaseOrder
from schemas.receipt import Receipt
from schemas.statement import Statement
from schemas.w9 import W9


def findings(schema: type[DocumentSchema], **values: Any) -> list[str]:
    filled = schema.model_validate(values)
    return [finding.check for check in schema.checks for finding in check(filled)]


def item(quantity: str, unit_price: str, line_total: str) -> dict[str, Decimal]:
    return {"quantity": Decimal(quantity), "unit_price": Decimal(unit_price), "line_total": Decimal(line_total)}


@pytest.mark.parametrize("schema", [Invoice, Receipt, Statement, W9])
def test_an_empty_document_passes_every_check(schema: type[DocumentSchema]) -> None:
    assert findings(schema) == []


def test_totals_may_differ_by_a_rounding() -> None:
    totals = {"net_total": Decimal("10.00"), "tax_total": Decimal("1.90")}
    assert findings(Invoice, **totals, grand_total=Decimal("11.91")) == []
    assert findings(Invoice, **totals, grand_total=Decimal("12.90")) == ["totals"]


def test_lines_add_up_to_net_or_to_grand() -> None:
    lines = [item("2", "3.00", "6.00"), item("1", "4.00", "4.00")]
    assert findings(Invoice, lines=lines, net_total=Decimal(10)) == []
    assert findings(Invoice, lines=lines, net_total=Decimal(8), grand_total=Decimal(10)) == []
    assert findings(Invoice, lines=lines, net_total=Decimal(11)) == ["lines_sum"]


def test_quantity_times_price_is_the_line() -> None:
    assert findings(Receipt, lines=[item("2", "3.00", "7.00")], total=Decimal(7)) == ["line_product"]


def test_an_invoice_is_not_due_before_its_issue() -> None:
    assert findings(Invoice, issue_date=date(2024, 3, 2), due_date=date(2024, 3, 1)) == ["due_date"]


ACME = {"name": "Acme Ltd", "vat_id": "DE136695976", "street": "High Street 1", "postcode": "12345"}
OTHER = {"name": "Bolt GmbH", "vat_id": "FR40303265045", "street": "Rue 2", "postcode": "75001"}


@pytest.mark.parametrize(
    ("seller", "buyer", "checks"),
    [
        (ACME, OTHER, []),
        (ACME, {}, []),
        (ACME, OTHER | {"name": "ACME, Ltd."}, ["same_party"]),
        (ACME, OTHER | {"vat_id": "DE136695976"}, ["same_vat"]),
        (ACME, OTHER | {"street": "High street 1", "postcode": "12345"}, ["same_address"]),
        (ACME, OTHER | {"postcode": "12345"}, []),
    ],
)
def test_the_two_parties_of_a_document_are_not_one(
    seller: dict[str, str], buyer: dict[str, str], checks: list[str]
) -> None:
    assert findings(Invoice, seller=seller, buyer=buyer) == checks
    assert findings(PurchaseOrder, supplier=seller, buyer=buyer) == checks


@pytest.mark.parametrize("number", ["DE136695976", "DE 136 695 976", "136695976"])
def test_a_vat_id_is_not_the_number_of_the_document(number: str) -> None:
    assert findings(Invoice, seller=ACME, invoice_number=number) == ["vat_is_number"]
    assert findings(Invoice, seller=ACME, invoice_number="4711") == []


def test_a_period_does_not_end_before_it_begins() -> None:
    assert findings(Statement, period_start=date(2024, 3, 31), period_end=date(2024, 3, 1)) == ["period"]
    assert findings(Statement, period_start=date(2024, 3, 1), period_end=date(2024, 3, 1)) == []


def test_a_mistyped_iban_is_remarked_on() -> None:
    assert findings(Invoice, iban="DE89370400440532013001") == ["iban"]
    assert findings(Statement, iban="DE89370400440532013001") == ["iban"]


def test_balances_follow_from_the_amounts() -> None:
    good = [{"amount": Decimal(-5), "balance": Decimal(95)}, {"amount": Decimal(10), "balance": Decimal(105)}]
    assert findings(Statement, opening_balance=Decimal(100), closing_balance=Decimal(105), entries=good) == []
    bad = [good[0], {"amount": Decimal(10), "balance": Decimal(106)}]
    assert findings(Statement, opening_balance=Decimal(100), entries=bad) == ["running_balance"]
    assert findings(Statement, opening_balance=Decimal(1), closing_balance=Decimal(9), entries=[{"amount": Decimal(1)}])


def test_a_w9_has_one_tax_number() -> None:
    assert findings(W9, ssn="123-45-6789", ein="12-3456789") == ["one_tin"]


@pytest.mark.parametrize("name", Catalog().names())
def test_business_keys_are_fields_and_typed_fields_have_labels(name: str) -> None:
    found = {leaf.path: leaf for leaf in leaves(tree(Catalog().get(name)))}
    assert set(Catalog().get(name).business_key) <= set(found)
    assert all(leaf.hint.labels for leaf in found.values() if leaf.leaf.kind is not Kind.TEXT)
