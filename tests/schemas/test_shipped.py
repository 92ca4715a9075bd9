from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from llava_ocr.catalog import Catalog, check_file
from llava_ocr.errors import BadSchema, UnknownSchema
from llava_ocr.schema import leaves, tree
from schemas.invoice import Invoice
from schemas.parts import Item
from schemas.receipt import Receipt
from schemas.statement import Entry, Statement
from schemas.w9 import W9

GOOD = '''
from llava_ocr.schema import DocumentSchema, Money, read

class DeliveryNote(DocumentSchema):
    """A delivery note."""

    total: Money | None = read("What it is worth", labels=("Total",))
'''


def checks(value: Invoice | Receipt | Statement | W9) -> list[str]:
    return [finding.check for check in type(value).checks for finding in check(value)]


def test_the_catalog_has_the_five_types() -> None:
    assert Catalog().names() == ["invoice", "purchase_order", "receipt", "statement", "w9"]


@pytest.mark.parametrize("name", Catalog().names())
def test_every_shipped_file_is_without_fault(name: str) -> None:
    assert check_file(Path("schemas") / f"{name}.py") == []


@pytest.mark.parametrize("name", Catalog().names())
def test_every_shipped_field_has_a_hint(name: str) -> None:
    assert all(leaf.hint.text for leaf in leaves(tree(Catalog().get(name))))


def test_rounding_is_no_finding() -> None:
    assert checks(Invoice(net_total=Decimal("10.00"), tax_total=Decimal("1.90"), grand_total=Decimal("11.91"))) == []


def test_lines_may_add_up_to_net_or_grand() -> None:
    lines = [Item(line_total=Decimal(5)), Item(line_total=Decimal(6))]
    assert checks(Invoice(lines=lines, net_total=Decimal(9), grand_total=Decimal(11))) == []
    assert checks(Invoice(lines=lines, net_total=Decimal(9), grand_total=Decimal(12))) == ["lines_sum"]


def test_a_row_that_does_not_multiply_is_named() -> None:
    line = Item(quantity=Decimal(2), unit_price=Decimal(3), line_total=Decimal(7))
    assert checks(Receipt(lines=[line], total=Decimal(7))) == ["line_product"]


def test_due_before_issue_and_a_wrong_iban_are_findings() -> None:
    invoice = Invoice(issue_date=date(2024, 2, 1), due_date=date(2024, 1, 1), iban="DE00370400440532013000")
    assert checks(invoice) == ["due_date", "iban"]


def test_balances_run_through_a_statement() -> None:
    entries = [Entry(amount=Decimal(-5), balance=Decimal(95)), Entry(amount=Decimal(10), balance=Decimal(105))]
    good = Statement(opening_balance=Decimal(100), closing_balance=Decimal(105), entries=entries)
    assert checks(good) == []
    wrong = Statement(opening_balance=Decimal(100), closing_balance=Decimal(99), entries=entries)
    assert checks(wrong) == ["closing_balance"]


def test_a_w9_gives_one_number() -> None:
    assert checks(W9(ssn="123-45-6789", ein="12-3456789")) == ["one_tin"]


def test_a_user_s_file_adds_a_type(tmp_path: Path) -> None:
    (tmp_path / "note.py").write_text(GOOD)
    assert check_file(tmp_path / "note.py") == []
    assert "delivery_note" in Catalog([tmp_path]).names()


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("DeliveryNote", "Invoice"))
    with pytest.raises(BadSchema, match="there already"):
        Catalog([tmp_path])


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownSchema, match="invoice, purchase_order, receipt, statement, w9"):
        Catalog().get("invioce")


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("Money | None", "Money"), 7, "add `| None"),
        (("Money | None", "int | None"), 7, "is not Text"),
        (('"What it is worth"', '""'), 7, "has no hint"),
        (('    """A delivery note."""\n', ""), 4, "docstring"),
        (("(DocumentSchema)", "(object)"), 1, "defines no document type"),
        (("total:", "uri:"), 7, "column of the SQL views"),
        (("class", "klass"), 4, "is not Python"),
        (("Money, read", "Money, raed"), 2, "ImportError"),
        (("labels=", "label="), 7, "TypeError"),
    ],
)
def test_faults_come_with_line_and_remedy(tmp_path: Path, change: tuple[str, str], line: int, message: str) -> None:
    path = tmp_path / "note.py"
    path.write_text(GOOD.replace(*change))
    faults = check_file(path)
    assert [fault.line for fault in faults][:1] == [line]
    assert message in faults[0].message
