"""What data sets call the fields of our schemas, and which fields their flags speak of."""

from __future__ import annotations

from collections.abc import Mapping

# Where a schema has no field of a data set's name, the first of these paths that it has is meant.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "amount": ("grand_total", "total"),
    "amount_tax": ("tax_total",),
    "amount_untaxed": ("net_total",),
    "country_code": ("seller.country",),
    "date": ("issue_date",),
    "date_due": ("due_date",),
    "line_items": ("lines",),
    "partner_city": ("seller.city",),
    "partner_name": ("seller.name",),
    "partner_street": ("seller.street",),
    "partner_zip": ("seller.postcode",),
    "static_vat": ("seller.vat_id",),
    "vat": ("seller.vat_id",),
}

# The same for the columns of a list.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "desc": ("description",),
    "name": ("description",),
    "price": ("unit_price",),
    "price_subtotal": ("line_total",),
    "price_unit": ("unit_price",),
    "qty": ("quantity",),
}

# The same for flags. Where all totals of a list stand on the page, so do its rows.
FLAGS: Mapping[str, tuple[str, ...]] = {
    "address": ("merchant_address",),
    "company": ("merchant_name",),
    "line_totals": ("lines",),
}

# Where a data set names no issuer, the first of these fields that it knows tells who made the document.
ISSUERS = ("seller.name", "merchant_name", "bank_name", "issuer")
