"""Electronic invoices in XML: UBL 2.1 and UN/CEFACT's CII (ZUGFeRD, Factur-X, XRechnung), by the terms of EN 16931.

A document type says which term each of its fields is (`DocumentSchema.terms`); what the XML says of a term is read
here. Pure: bytes in, values out. No library serves for this: those on PyPI validate or write whole profiles, and refuse
what is not in perfect order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree
from xml.parsers import expat

from llava_ocr.errors import InputError

MAX_SIZE_BYTES = 10 * 1024 * 1024
MAX_LINES = 10_000
# Raise when another value may come of the same XML.
EINVOICE_VERSION = "1"
# UNTDID 1001: credit notes, also those that a seller bills himself.
CREDIT_TYPES = frozenset({"381", "261", "396"})

Value = str | Decimal | date


class BadEInvoice(InputError):
    """An XML file is no electronic invoice."""

    hint = "Give an Invoice or CreditNote of UBL 2.1, or a CrossIndustryInvoice (as inside ZUGFeRD and Factur-X)."


@dataclass(frozen=True, slots=True)
class EInvoice:
    """What an electronic invoice says, by term (`BT-1`: its number); a term that it leaves out is in neither map."""

    header: Mapping[str, Value]
    lines: tuple[Mapping[str, Value], ...]
    taxes: tuple[Mapping[str, Value], ...]

    @property
    def is_credit(self) -> bool:
        """Whether it is a credit note."""
        return self.header.get("BT-3") in CREDIT_TYPES


@dataclass(frozen=True, slots=True)
class Term:
    """A business term of EN 16931 and where each syntax says it; the first path with a text is taken.

    A path goes down by local names; `[schemeID=VA]` holds an element to an attribute, `[TaxScheme/ID=VAT]` to the text
    of a part of it.
    """

    code: str
    kind: type[str] | type[Decimal] | type[date]
    ubl: tuple[str, ...]
    cii: tuple[str, ...]


# What paths begin with. ZUGFeRD 1 has other names for the same places.
_AGREED = "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement"
_SETTLED = "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement"
_SUMS = f"{_SETTLED}/SpecifiedTradeSettlementHeaderMonetarySummation"
_ACCOUNT = f"{_SETTLED}/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount"
_LINES = "SupplyChainTradeTransaction/IncludedSupplyChainTradeLineItem"
_UBL_LINES = ("InvoiceLine", "CreditNoteLine")
_OLD_NAMES = {
    "ExchangedDocument": "HeaderExchangedDocument",
    "SupplyChainTradeTransaction": "SpecifiedSupplyChainTradeTransaction",
    "ApplicableHeaderTradeAgreement": "ApplicableSupplyChainTradeAgreement",
    "ApplicableHeaderTradeSettlement": "ApplicableSupplyChainTradeSettlement",
    "SpecifiedTradeSettlementHeaderMonetarySummation": "SpecifiedTradeSettlementMonetarySummation",
    "SpecifiedTradeSettlementLineMonetarySummation": "SpecifiedTradeSettlementMonetarySummation",
    "SpecifiedLineTradeAgreement": "SpecifiedSupplyChainTradeAgreement",
    "SpecifiedLineTradeDelivery": "SpecifiedSupplyChainTradeDelivery",
    "SpecifiedLineTradeSettlement": "SpecifiedSupplyChainTradeSettlement",
    "RateApplicablePercent": "ApplicablePercent",
}


def _party(codes: tuple[str, str, str, str, str, str], ubl: str, cii: str) -> tuple[Term, ...]:
    name, vat, street, city, postcode, country = codes
    return (
        Term(name, str, (f"{ubl}/PartyLegalEntity/RegistrationName", f"{ubl}/PartyName/Name"), (f"{cii}/Name",)),
        Term(
            vat,
            str,
            (f"{ubl}/PartyTaxScheme[TaxScheme/ID=VAT]/CompanyID",),
            (f"{cii}/SpecifiedTaxRegistration/ID[schemeID=VA]",),
        ),
        Term(street, str, (f"{ubl}/PostalAddress/StreetName",), (f"{cii}/PostalTradeAddress/LineOne",)),
        Term(city, str, (f"{ubl}/PostalAddress/CityName",), (f"{cii}/PostalTradeAddress/CityName",)),
        Term(postcode, str, (f"{ubl}/PostalAddress/PostalZone",), (f"{cii}/PostalTradeAddress/PostcodeCode",)),
        Term(
            country,
            str,
            (f"{ubl}/PostalAddress/Country/IdentificationCode",),
            (f"{cii}/PostalTradeAddress/CountryID",),
        ),
    )


HEADER: tuple[Term, ...] = (
    Term("BT-1", str, ("ID",), ("ExchangedDocument/ID",)),
    Term("BT-2", date, ("IssueDate",), ("ExchangedDocument/IssueDateTime/DateTimeString",)),
    Term("BT-3", str, ("InvoiceTypeCode", "CreditNoteTypeCode"), ("ExchangedDocument/TypeCode",)),
    Term("BT-5", str, ("DocumentCurrencyCode",), (f"{_SETTLED}/InvoiceCurrencyCode",)),
    Term(
        "BT-9",
        date,
        ("DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate"),
        (f"{_SETTLED}/SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString",),
    ),
    Term("BT-13", str, ("OrderReference/ID",), (f"{_AGREED}/BuyerOrderReferencedDocument/IssuerAssignedID",)),
    *_party(
        ("BT-27", "BT-31", "BT-35", "BT-37", "BT-38", "BT-40"),
        "AccountingSupplierParty/Party",
        f"{_AGREED}/SellerTradeParty",
    ),
    *_party(
        ("BT-44", "BT-48", "BT-50", "BT-52", "BT-53", "BT-55"),
        "AccountingCustomerParty/Party",
        f"{_AGREED}/BuyerTradeParty",
    ),
    Term("BT-84", str, ("PaymentMeans/PayeeFinancialAccount/ID",), (f"{_ACCOUNT}/IBANID", f"{_ACCOUNT}/ProprietaryID")),
    Term("BT-106", Decimal, ("LegalMonetaryTotal/LineExtensionAmount",), (f"{_SUMS}/LineTotalAmount",)),
    Term("BT-107", Decimal, ("LegalMonetaryTotal/AllowanceTotalAmount",), (f"{_SUMS}/AllowanceTotalAmount",)),
    Term("BT-108", Decimal, ("LegalMonetaryTotal/ChargeTotalAmount",), (f"{_SUMS}/ChargeTotalAmount",)),
    Term("BT-109", Decimal, ("LegalMonetaryTotal/TaxExclusiveAmount",), (f"{_SUMS}/TaxBasisTotalAmount",)),
    # There may be a second one in the currency of accounting; {currency} is the document's own.
    Term(
        "BT-110",
        Decimal,
        ("TaxTotal/TaxAmount[currencyID={currency}]", "TaxTotal/TaxAmount"),
        (f"{_SUMS}/TaxTotalAmount[currencyID={{currency}}]", f"{_SUMS}/TaxTotalAmount"),
    ),
    Term("BT-112", Decimal, ("LegalMonetaryTotal/TaxInclusiveAmount",), (f"{_SUMS}/GrandTotalAmount",)),
    Term("BT-113", Decimal, ("LegalMonetaryTotal/PrepaidAmount",), (f"{_SUMS}/TotalPrepaidAmount",)),
    Term("BT-115", Decimal, ("LegalMonetaryTotal/PayableAmount",), (f"{_SUMS}/DuePayableAmount",)),
)

_PRICE = "SpecifiedLineTradeAgreement/NetPriceProductTradePrice"
_LINE_SETTLED = "SpecifiedLineTradeSettlement"
LINE: tuple[Term, ...] = (
    Term(
        "BT-153",
        str,
        ("Item/Name", "Item/Description"),
        ("SpecifiedTradeProduct/Name", "SpecifiedTradeProduct/Description"),
    ),
    Term("BT-154", str, ("Item/Description",), ("SpecifiedTradeProduct/Description",)),
    Term("BT-155", str, ("Item/SellersItemIdentification/ID",), ("SpecifiedTradeProduct/SellerAssignedID",)),
    Term("BT-157", str, ("Item/StandardItemIdentification/ID",), ("SpecifiedTradeProduct/GlobalID",)),
    Term("BT-129", Decimal, ("InvoicedQuantity", "CreditedQuantity"), ("SpecifiedLineTradeDelivery/BilledQuantity",)),
    Term(
        "BT-130",
        str,
        ("InvoicedQuantity@unitCode", "CreditedQuantity@unitCode"),
        ("SpecifiedLineTradeDelivery/BilledQuantity@unitCode",),
    ),
    Term("BT-146", Decimal, ("Price/PriceAmount",), (f"{_PRICE}/ChargeAmount",)),
    Term("BT-149", Decimal, ("Price/BaseQuantity",), (f"{_PRICE}/BasisQuantity",)),
    Term(
        "BT-131",
        Decimal,
        ("LineExtensionAmount",),
        (f"{_LINE_SETTLED}/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",),
    ),
    Term(
        "BT-152",
        Decimal,
        ("Item/ClassifiedTaxCategory/Percent",),
        (f"{_LINE_SETTLED}/ApplicableTradeTax/RateApplicablePercent",),
    ),
)
TAX: tuple[Term, ...] = (
    Term("BT-116", Decimal, ("TaxableAmount",), ("BasisAmount",)),
    Term("BT-117", Decimal, ("TaxAmount",), ("CalculatedAmount",)),
    Term("BT-119", Decimal, ("TaxCategory/Percent",), ("RateApplicablePercent",)),
)
LINE_TOTAL = "BT-131"

_STEP = re.compile(r"(?P<name>\w+)(?:\[(?P<key>[\w/]+)=(?P<wanted>[^\]]*)\])?")
_TAXES = {"ubl": "TaxTotal/TaxSubtotal", "cii": f"{_SETTLED}/ApplicableTradeTax"}
_UBL_ROOTS, _CII_ROOTS = ("Invoice", "CreditNote"), ("CrossIndustryInvoice", "CrossIndustryDocument")


def looks_like_einvoice(head: bytes) -> bool:
    """Whether the beginning of a file is an XML document whose root is an electronic invoice's."""
    names: list[str] = []

    def note(name: str, _: object) -> None:
        names.append(name)

    looker = expat.ParserCreate(namespace_separator="}")
    looker.StartElementHandler = note
    # What breaks may stand behind the root.
    with suppress(expat.ExpatError, ValueError, LookupError):
        looker.Parse(head, False)
    return bool(names) and _local(names[0]) in (*_UBL_ROOTS, *_CII_ROOTS)


def read_einvoice(data: bytes) -> EInvoice:
    """Read an XML invoice. Raises BadEInvoice; also for a document type, so that no entity is ever expanded."""
    if len(data) > MAX_SIZE_BYTES:
        raise BadEInvoice(f"{len(data):,} bytes of XML, the limit is {MAX_SIZE_BYTES:,}")
    root = parse_xml(data)
    name = _local(root.tag)
    if name in _UBL_ROOTS:
        syntax, lines = "ubl", [line for tag in _UBL_LINES for line in _all(root, tag)]
    elif name in _CII_ROOTS:
        syntax, lines = "cii", list(_all(root, _LINES))
    else:
        raise BadEInvoice(f"an XML document of the type {name[:40]!r} is no invoice of UBL or CII")
    if len(lines) > MAX_LINES:
        raise BadEInvoice(f"{len(lines):,} lines, the limit is {MAX_LINES:,}")
    header = _values(root, HEADER, syntax)
    if root.tag.endswith("}CreditNote"):
        header["BT-3"] = header.get("BT-3", "381")
    taxes = tuple(_values(tax, TAX, syntax) for tax in _all(root, _TAXES[syntax]))
    # Lines without a number are notes between the lines (ZUGFeRD 1).
    read = (_line(line, syntax) for line in lines)
    return EInvoice(header, tuple(line for line in read if line.keys() & {"BT-129", "BT-131", "BT-146"}), taxes)


def parse_xml(data: bytes) -> ElementTree.Element:
    """Parse XML that has no document type. Raises BadEInvoice."""

    def refuse(*_: object) -> None:
        raise BadEInvoice("the XML has a document type, which no electronic invoice has")

    looker = expat.ParserCreate()
    looker.StartDoctypeDeclHandler = refuse
    try:
        looker.Parse(data, True)
        return ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError):
        raise BadEInvoice("the file is not XML") from None


def _line(line: ElementTree.Element, syntax: str) -> Mapping[str, Value]:
    """A line's terms, its price for one unit (the XML may say it for a hundred)."""
    found = dict(_values(line, LINE, syntax))
    price, per = found.get("BT-146"), found.pop("BT-149", None)
    if isinstance(price, Decimal) and isinstance(per, Decimal) and per not in (0, 1):
        found["BT-146"] = round(price / per, 6)
    return found


def _values(element: ElementTree.Element, terms: tuple[Term, ...], syntax: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for term in terms:
        for path in term.ubl if syntax == "ubl" else term.cii:
            text = _text(element, path.replace("{currency}", str(found.get("BT-5", ""))))
            if text:
                found[term.code] = _typed(text, term)
                break
    return found


def _typed(text: str, term: Term) -> Value:
    try:
        if term.kind is date:
            return date.fromisoformat(text[:10])
        if term.kind is Decimal:
            number = Decimal(text)
            if number.is_finite() and abs(number) < 10**15:
                return number
            raise InvalidOperation
    except (ValueError, InvalidOperation):
        raise BadEInvoice(f"{term.code} is no {'date' if term.kind is date else 'number'}") from None
    return text


def _text(element: ElementTree.Element, path: str) -> str:
    """The first text at a path that is not empty, its spaces made single; behind an `@` stands an attribute."""
    path, _, attribute = path.partition("@")
    found = _all(element, path)
    said = (each.get(attribute, "") if attribute else each.text or "" for each in found)
    texts = (" ".join(text.split()) for text in said)
    return next((text for text in texts if text), "")


def _all(element: ElementTree.Element, path: str) -> Iterator[ElementTree.Element]:
    step = _STEP.match(path)
    assert step is not None, path
    rest = path[step.end() + 1 :]
    for child in element:
        if _local(child.tag) in (step["name"], _OLD_NAMES.get(step["name"])) and _holds(
            child, step["key"], step["wanted"]
        ):
            if rest:
                yield from _all(child, rest)
            else:
                yield child


def _holds(element: ElementTree.Element, key: str | None, wanted: str) -> bool:
    return key is None or (_text(element, key) if "/" in key else element.get(key, "")) == wanted


def _local(tag: object) -> str:
    # Comments and processing instructions have a function for a tag.
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
