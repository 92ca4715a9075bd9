"""What an electronic invoice says, as content for a synthetic one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from llava_ocr import einvoice
from llava_ocr.einvoice import BadEInvoice

MAX_LINES = 500


@dataclass(frozen=True, slots=True)
class EParty:
    """Seller or buyer; what the file does not say is empty. `country` is an ISO code."""

    name: str
    street: str
    postcode: str
    city: str
    country: str
    vat_id: str


@dataclass(frozen=True, slots=True)
class ELine:
    """One line: `unit_price` is for one unit, `unit_code` of UN/ECE recommendation 20."""

    description: str
    detail: str
    article: str
    quantity: Decimal
    unit_code: str
    unit_price: Decimal
    rate: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class ETax:
    """One tax rate's share."""

    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class EInvoice:
    """An invoice's or credit note's content. Amounts that the file does not say are 0."""

    number: str
    issued: date
    due: date | None
    currency: str
    is_credit: bool
    order_number: str
    seller: EParty
    buyer: EParty
    iban: str
    lines: tuple[ELine, ...]
    taxes: tuple[ETax, ...]
    line_sum: Decimal
    allowance: Decimal
    charge: Decimal
    net: Decimal
    tax: Decimal
    grand: Decimal
    prepaid: Decimal
    due_amount: Decimal


def read_einvoice(path: Path) -> EInvoice:
    """Read an XML invoice. Raises BadEInvoice, also where it lacks what every printed invoice has."""
    try:
        found = einvoice.read_einvoice(path.read_bytes())
        return _checked(_content(found))
    except BadEInvoice as fault:
        raise BadEInvoice(f"{path.name}: {fault}") from None


def _checked(invoice: EInvoice) -> EInvoice:
    said = {
        "number": invoice.number,
        "currency": len(invoice.currency) == 3,
        "seller's name": invoice.seller.name,
        "buyer's name": invoice.buyer.name,
        "lines": invoice.lines,
    }
    missing = [what for what, is_there in said.items() if not is_there]
    if missing:
        raise BadEInvoice(f"has no {', no '.join(missing)}")
    if len(invoice.lines) > MAX_LINES:
        raise BadEInvoice(f"{len(invoice.lines):,} lines, limit {MAX_LINES}")
    return invoice


def _content(found: einvoice.EInvoice) -> EInvoice:
    header = found.header
    issued, due = header.get("BT-2"), header.get("BT-9")
    if not isinstance(issued, date):
        raise BadEInvoice("has no day of issue")
    return EInvoice(
        number=_text(header, "BT-1"),
        issued=issued,
        due=due if isinstance(due, date) else None,
        currency=_text(header, "BT-5"),
        is_credit=found.is_credit,
        order_number=_text(header, "BT-13"),
        seller=EParty(*(_text(header, f"BT-{number}") for number in (27, 35, 38, 37, 40, 31))),
        buyer=EParty(*(_text(header, f"BT-{number}") for number in (44, 50, 53, 52, 55, 48))),
        iban=_text(header, "BT-84").replace(" ", ""),
        lines=tuple(_line(line) for line in found.lines),
        taxes=tuple(ETax(*(_number(tax, f"BT-{number}") for number in (119, 116, 117))) for tax in found.taxes),
        line_sum=_number(header, "BT-106"),
        allowance=_number(header, "BT-107"),
        charge=_number(header, "BT-108"),
        net=_number(header, "BT-109"),
        tax=_number(header, "BT-110"),
        grand=_number(header, "BT-112"),
        prepaid=_number(header, "BT-113"),
        due_amount=_number(header, "BT-115"),
    )


def _line(line: Mapping[str, einvoice.Value]) -> ELine:
    return ELine(
        description=_text(line, "BT-153"),
        detail=_text(line, "BT-154"),
        article=_text(line, "BT-155") or _text(line, "BT-157"),
        quantity=_number(line, "BT-129"),
        unit_code=_text(line, "BT-130"),
        unit_price=_number(line, "BT-146"),
        rate=_number(line, "BT-152"),
        total=_number(line, "BT-131"),
    )


def _text(said: Mapping[str, einvoice.Value], term: str) -> str:
    return str(said.get(term, ""))


def _number(said: Mapping[str, einvoice.Value], term: str) -> Decimal:
    found = said.get(term)
    return found if isinstance(found, Decimal) else Decimal(0)
