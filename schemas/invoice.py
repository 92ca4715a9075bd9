"""Invoices, in the terms of EN 16931."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from llava_ocr.records import Finding
from llava_ocr.schema import Check, Currency, Date, DocumentSchema, Iban, Money, Text, group, read, rows
from schemas.parts import (
    BUYER_TERMS,
    SELLER_TERMS,
    Item,
    Party,
    iban_checksum,
    near,
    rows_multiply,
    rows_sum,
    two_parties,
)


def totals_add_up(invoice: Invoice) -> Iterator[Finding]:
    """Net and tax should make the grand total."""
    net, tax, grand = invoice.net_total, invoice.tax_total, invoice.grand_total
    if net is not None and tax is not None and grand is not None and not near(net + tax, grand):
        yield Finding("totals", "net + tax is not the grand total", ("net_total", "tax_total", "grand_total"))


def lines_add_up(invoice: Invoice) -> Iterator[Finding]:
    """The lines should make the net total, or the grand total where prices include tax."""
    yield from rows_sum(invoice.lines, {"net_total": invoice.net_total, "grand_total": invoice.grand_total})
    yield from rows_multiply(invoice.lines)


def due_after_issue(invoice: Invoice) -> Iterator[Finding]:
    """An invoice is due on the day it is issued or later."""
    if invoice.issue_date and invoice.due_date and invoice.due_date < invoice.issue_date:
        yield Finding("due_date", "due before it was issued", ("issue_date", "due_date"))


def iban_is_sound(invoice: Invoice) -> Iterator[Finding]:
    """An IBAN carries its own checksum."""
    yield from iban_checksum(invoice.iban)


def parties_differ(invoice: Invoice) -> Iterator[Finding]:
    """Nobody sends an invoice to themselves."""
    parties = {"seller": invoice.seller, "buyer": invoice.buyer}
    yield from two_parties(parties, invoice.invoice_number, number_path="invoice_number")


class Invoice(DocumentSchema):
    """An invoice or credit note."""

    checks: ClassVar[tuple[Check, ...]] = (totals_add_up, lines_add_up, due_after_issue, iban_is_sound, parties_differ)
    business_key: ClassVar[tuple[str, ...]] = ("seller.name", "invoice_number", "issue_date", "grand_total")
    terms: ClassVar[Mapping[str, str]] = {
        "invoice_number": "BT-1",
        "issue_date": "BT-2",
        "due_date": "BT-9",
        "currency": "BT-5",
        **{f"seller.{name}": term for name, term in SELLER_TERMS.items()},
        **{f"buyer.{name}": term for name, term in BUYER_TERMS.items()},
        "net_total": "BT-109",
        "tax_total": "BT-110",
        "grand_total": "BT-112",
        "due_amount": "BT-115",
        "iban": "BT-84",
        "lines[].description": "BT-153",
        "lines[].quantity": "BT-129",
        "lines[].unit_price": "BT-146",
        "lines[].line_total": "BT-131",
    }

    invoice_number: Text | None = read(
        "The invoice's own number",
        labels=(
            "Invoice No",
            "Invoice Number",
            "Invoice #",
            "Invoice",
            "Rechnungsnummer",
            "Rechnungs-Nr",
            "Rechnung Nr",
            "Rechnung",
            "Belegnummer",
            "Facture N°",
            "Numéro de facture",
            "N° de facture",
            "Facture",
        ),
    )
    issue_date: Date | None = read(
        "Day the invoice was issued",
        labels=(
            "Invoice Date",
            "Date of issue",
            "Issue date",
            "Date",
            "Rechnungsdatum",
            "Belegdatum",
            "Datum",
            "Date de facture",
            "Date d'émission",
        ),
    )
    due_date: Date | None = read(
        "Day by which it is to be paid",
        labels=(
            "Due Date",
            "Payment due",
            "Pay by",
            "Fälligkeitsdatum",
            "Fällig am",
            "Zahlbar bis",
            "Date d'échéance",
            "Échéance",
        ),
    )
    currency: Currency | None = read("Currency of the totals", labels=("Currency", "Währung", "Devise"))
    seller: Party = group(Party, "Who sends the invoice and is paid", labels=("Seller", "From", "Verkäufer", "Vendeur"))
    buyer: Party = group(
        Party,
        "Who receives the invoice and pays",
        labels=("Bill to", "Buyer", "Customer", "Käufer", "Kunde", "Rechnungsempfänger", "Acheteur", "Client"),
    )
    net_total: Money | None = read(
        "Total without tax",
        labels=(
            "Net total",
            "Subtotal",
            "Total net",
            "Net amount",
            "Summe netto",
            "Nettobetrag",
            "Gesamt netto",
            "Zwischensumme",
            "Total HT",
            "Montant HT",
        ),
    )
    tax_total: Money | None = read(
        "Tax in all",
        labels=(
            "VAT",
            "Tax",
            "Sales tax",
            "Total VAT",
            "MwSt",
            "USt",
            "Umsatzsteuer",
            "Mehrwertsteuer",
            "TVA",
            "Total TVA",
        ),
    )
    grand_total: Money | None = read(
        "Total with tax",
        labels=(
            "Grand total",
            "Total",
            "Invoice total",
            "Total incl. VAT",
            "Rechnungsbetrag",
            "Gesamtbetrag",
            "Bruttobetrag",
            "Gesamt brutto",
            "Endbetrag",
            "Total TTC",
            "Montant TTC",
        ),
    )
    due_amount: Money | None = read(
        "Amount still to pay",
        labels=("Amount due", "Balance due", "Total due", "Zahlbetrag", "Zu zahlen", "Fälliger Betrag", "Net à payer"),
    )
    iban: Iban | None = read("Account to pay to", labels=("IBAN", "Account", "Bankverbindung", "Compte"))
    lines: list[Item] = rows("Items of the invoice", max_rows=100)
