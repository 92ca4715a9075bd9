"""Purchase orders: what a buyer asks a supplier to deliver, where and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from llava_ocr.records import Finding
from llava_ocr.schema import Check, Currency, Date, DocumentSchema, Money, Text, group, read, rows
from schemas.parts import Item, Party, near, rows_multiply, rows_sum, two_parties


def totals_add_up(order: PurchaseOrder) -> Iterator[Finding]:
    """Net and tax should make the grand total."""
    net, tax, grand = order.net_total, order.tax_total, order.grand_total
    if net is not None and tax is not None and grand is not None and not near(net + tax, grand):
        yield Finding("totals", "net + tax is not the grand total", ("net_total", "tax_total", "grand_total"))


def lines_add_up(order: PurchaseOrder) -> Iterator[Finding]:
    """The lines should make the net total, or the grand total where prices include tax."""
    yield from rows_sum(list(order.lines), {"net_total": order.net_total, "grand_total": order.grand_total})
    yield from rows_multiply(list(order.lines))


def delivered_after_order(order: PurchaseOrder) -> Iterator[Finding]:
    """Goods are wanted on the day of the order or later."""
    if order.order_date and order.delivery_date and order.delivery_date < order.order_date:
        yield Finding("delivery_date", "wanted before it was ordered", ("order_date", "delivery_date"))


def parties_differ(order: PurchaseOrder) -> Iterator[Finding]:
    """Nobody orders from themselves."""
    parties = {"buyer": order.buyer, "supplier": order.supplier}
    yield from two_parties(parties, order.order_number, number_path="order_number")


class OrderLine(Item):
    """One article that is ordered."""

    article_number: Text | None = read(
        "The article's number",
        labels=("Item No.", "Part No.", "SKU", "Article", "Artikelnr.", "Art.-Nr.", "Materialnummer", "Réf. article"),
    )


class PurchaseOrder(DocumentSchema):
    """A purchase order."""

    checks: ClassVar[tuple[Check, ...]] = (totals_add_up, lines_add_up, delivered_after_order, parties_differ)
    business_key: ClassVar[tuple[str, ...]] = ("buyer.name", "order_number", "order_date")

    order_number: Text | None = read(
        "The order's own number",
        labels=("PO Number", "Order No.", "Purchase Order No.", "Bestellnummer", "Bestell-Nr.", "N° de commande"),
    )
    order_date: Date | None = read(
        "Day of the order",
        labels=("Order Date", "PO Date", "Date", "Bestelldatum", "Datum", "Date de commande"),
    )
    delivery_date: Date | None = read(
        "Day by which the goods are wanted",
        labels=("Delivery Date", "Required By", "Liefertermin", "Lieferung bis", "Date de livraison"),
    )
    currency: Currency | None = read("Currency of the prices", labels=("Currency", "Währung", "Devise"))
    buyer: Party = group(
        Party,
        "Who orders and pays",
        labels=("Buyer", "Bill To", "Ordered By", "Besteller", "Auftraggeber", "Acheteur", "Donneur d'ordre"),
    )
    supplier: Party = group(
        Party, "Who is to deliver", labels=("Supplier", "Vendor", "Lieferant", "Verkäufer", "Fournisseur")
    )
    net_total: Money | None = read(
        "Total without tax",
        labels=("Subtotal", "Net total", "Total excl. VAT", "Summe netto", "Nettobetrag", "Total HT"),
    )
    tax_total: Money | None = read("Tax in all", labels=("VAT", "Tax", "MwSt", "USt", "TVA"))
    grand_total: Money | None = read(
        "Total with tax",
        labels=("Total", "Order total", "Grand total", "Gesamtbetrag", "Bestellwert", "Total TTC"),
    )
    lines: list[OrderLine] = rows("What is ordered", labels=("Items", "Positionen", "Articles"), max_rows=60)
