"""What an electronic invoice of EN 16931 says, in either of its syntaxes: UBL and UN/CEFACT's CII."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from llava_ocr.errors import InputError

MAX_SIZE_BYTES = 10 * 1024 * 1024
MAX_LINES = 500
# UNTDID 1001: credit notes, also those that a seller bills himself.
CREDIT_TYPES = frozenset({"381", "261", "396"})


class BadEInvoice(InputError):
    """An XML file is no electronic invoice, or lacks what every invoice has."""

    hint = "Give an Invoice or CreditNote of UBL 2.1, or a CrossIndustryInvoice (as inside ZUGFeRD and Factur-X)."


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


@dataclass(frozen=True, slots=True)
class _Part:
    """An element whose parts are found by their local names, as `Party/PostalAddress/CityName`."""

    element: ElementTree.Element
    name: str

    def all(self, path: str) -> Iterator[_Part]:
        for found in self.element.iterfind("/".join(f"{{*}}{step}" for step in path.split("/"))):
            yield _Part(found, self.name)

    def text(self, *paths: str) -> str:
        """The first text that is not empty, its spaces made single."""
        texts = (" ".join((part.element.text or "").split()) for path in paths for part in self.all(path))
        return next((text for text in texts if text), "")

    def number(self, *paths: str) -> Decimal:
        text = self.text(*paths)
        try:
            number = Decimal(text or 0)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or abs(number) > 10**12:
            raise BadEInvoice(f"{self.name}: {paths[0]} is not a number")
        return number

    def day(self, *paths: str) -> date | None:
        text = self.text(*paths)
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            raise BadEInvoice(f"{self.name}: {paths[0]} is not a date") from None


def read_einvoice(path: Path) -> EInvoice:
    """Read an XML invoice. Raises BadEInvoice, also for a document type: so no entity is ever expanded."""
    if path.stat().st_size > MAX_SIZE_BYTES:
        raise BadEInvoice(f"{path.name}: {path.stat().st_size:,} bytes, limit {MAX_SIZE_BYTES:,}")
    root = _parse(path.read_bytes(), path.name)
    kind = root.element.tag.rpartition("}")[2]
    readers = {"Invoice": _read_ubl, "CreditNote": _read_ubl, "CrossIndustryInvoice": _read_cii}
    if kind not in readers:
        raise BadEInvoice(f"{path.name}: neither UBL nor CII")
    return _checked(readers[kind](root), path.name)


def _parse(data: bytes, name: str) -> _Part:
    def refuse(*_: object) -> None:
        raise BadEInvoice(f"{name}: has a document type, which no electronic invoice has")

    looker = expat.ParserCreate()
    looker.StartDoctypeDeclHandler = refuse
    try:
        looker.Parse(data, True)
        return _Part(ElementTree.fromstring(data), name)
    except (expat.ExpatError, ElementTree.ParseError, ValueError):
        raise BadEInvoice(f"{name}: is not XML") from None


def _checked(invoice: EInvoice, name: str) -> EInvoice:
    said = {
        "number": invoice.number,
        "currency": len(invoice.currency) == 3,
        "seller's name": invoice.seller.name,
        "buyer's name": invoice.buyer.name,
        "lines": invoice.lines,
    }
    missing = [what for what, is_there in said.items() if not is_there]
    if missing:
        raise BadEInvoice(f"{name}: has no {', no '.join(missing)}")
    if len(invoice.lines) > MAX_LINES:
        raise BadEInvoice(f"{name}: {len(invoice.lines):,} lines, limit {MAX_LINES}")
    return invoice


def _required_day(part: _Part, path: str) -> date:
    day = part.day(path)
    if day is None:
        raise BadEInvoice(f"{part.name}: has no day of issue")
    return day


def _per_unit(price: Decimal, quantity: Decimal) -> Decimal:
    """Say a price that is for `quantity` units (0: not said) for one."""
    return price if quantity in (0, 1) else round(price / quantity, 6)


def _read_ubl(root: _Part) -> EInvoice:
    is_credit = root.element.tag.endswith("}CreditNote") or root.text("InvoiceTypeCode") in CREDIT_TYPES
    totals = "LegalMonetaryTotal/"
    lines = (*root.all("InvoiceLine"), *root.all("CreditNoteLine"))
    shares = root.all("TaxTotal/TaxSubtotal")
    return EInvoice(
        number=root.text("ID"),
        issued=_required_day(root, "IssueDate"),
        due=root.day("DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate"),
        currency=root.text("DocumentCurrencyCode"),
        is_credit=is_credit,
        order_number=root.text("OrderReference/ID"),
        seller=_ubl_party(root, "AccountingSupplierParty/Party"),
        buyer=_ubl_party(root, "AccountingCustomerParty/Party"),
        iban=root.text("PaymentMeans/PayeeFinancialAccount/ID").replace(" ", ""),
        lines=tuple(_ubl_line(line) for line in lines),
        taxes=tuple(
            ETax(tax.number("TaxCategory/Percent"), tax.number("TaxableAmount"), tax.number("TaxAmount"))
            for tax in shares
        ),
        line_sum=root.number(f"{totals}LineExtensionAmount"),
        allowance=root.number(f"{totals}AllowanceTotalAmount"),
        charge=root.number(f"{totals}ChargeTotalAmount"),
        net=root.number(f"{totals}TaxExclusiveAmount"),
        tax=root.number("TaxTotal/TaxAmount"),
        grand=root.number(f"{totals}TaxInclusiveAmount"),
        prepaid=root.number(f"{totals}PrepaidAmount"),
        due_amount=root.number(f"{totals}PayableAmount"),
    )


def _ubl_party(root: _Part, path: str) -> EParty:
    part = next(root.all(path), _Part(ElementTree.Element("none"), root.name))
    schemes = {scheme.text("TaxScheme/ID"): scheme.text("CompanyID") for scheme in part.all("PartyTaxScheme")}
    return EParty(
        name=part.text("PartyLegalEntity/RegistrationName", "PartyName/Name"),
        street=part.text("PostalAddress/StreetName"),
        postcode=part.text("PostalAddress/PostalZone"),
        city=part.text("PostalAddress/CityName"),
        country=part.text("PostalAddress/Country/IdentificationCode"),
        vat_id=schemes.get("VAT", ""),
    )


def _ubl_line(line: _Part) -> ELine:
    quantity = next(iter((*line.all("InvoicedQuantity"), *line.all("CreditedQuantity"))), None)
    return ELine(
        description=line.text("Item/Name", "Item/Description"),
        detail=line.text("Item/Description"),
        article=line.text("Item/SellersItemIdentification/ID", "Item/StandardItemIdentification/ID"),
        quantity=line.number("InvoicedQuantity", "CreditedQuantity"),
        unit_code=quantity.element.get("unitCode", "") if quantity else "",
        unit_price=_per_unit(line.number("Price/PriceAmount"), line.number("Price/BaseQuantity")),
        rate=line.number("Item/ClassifiedTaxCategory/Percent"),
        total=line.number("LineExtensionAmount"),
    )


def _read_cii(root: _Part) -> EInvoice:
    trade = "SupplyChainTradeTransaction/"
    agreed, settled = f"{trade}ApplicableHeaderTradeAgreement/", f"{trade}ApplicableHeaderTradeSettlement/"
    totals = f"{settled}SpecifiedTradeSettlementHeaderMonetarySummation/"
    account = f"{settled}SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/"
    return EInvoice(
        number=root.text("ExchangedDocument/ID"),
        issued=_required_day(root, "ExchangedDocument/IssueDateTime/DateTimeString"),
        due=root.day(f"{settled}SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"),
        currency=root.text(f"{settled}InvoiceCurrencyCode"),
        is_credit=root.text("ExchangedDocument/TypeCode") in CREDIT_TYPES,
        order_number=root.text(f"{agreed}BuyerOrderReferencedDocument/IssuerAssignedID"),
        seller=_cii_party(root, f"{agreed}SellerTradeParty"),
        buyer=_cii_party(root, f"{agreed}BuyerTradeParty"),
        iban=root.text(f"{account}IBANID").replace(" ", ""),
        lines=tuple(_cii_line(line) for line in root.all(f"{trade}IncludedSupplyChainTradeLineItem")),
        taxes=tuple(
            ETax(tax.number("RateApplicablePercent"), tax.number("BasisAmount"), tax.number("CalculatedAmount"))
            for tax in root.all(f"{settled}ApplicableTradeTax")
        ),
        line_sum=root.number(f"{totals}LineTotalAmount"),
        allowance=root.number(f"{totals}AllowanceTotalAmount"),
        charge=root.number(f"{totals}ChargeTotalAmount"),
        net=root.number(f"{totals}TaxBasisTotalAmount"),
        tax=root.number(f"{totals}TaxTotalAmount"),
        grand=root.number(f"{totals}GrandTotalAmount"),
        prepaid=root.number(f"{totals}TotalPrepaidAmount"),
        due_amount=root.number(f"{totals}DuePayableAmount"),
    )


def _cii_party(root: _Part, path: str) -> EParty:
    part = next(root.all(path), _Part(ElementTree.Element("none"), root.name))
    numbers = {
        found.element.get("schemeID", ""): "".join((found.element.text or "").split())
        for found in part.all("SpecifiedTaxRegistration/ID")
    }
    return EParty(
        name=part.text("Name"),
        street=part.text("PostalTradeAddress/LineOne"),
        postcode=part.text("PostalTradeAddress/PostcodeCode"),
        city=part.text("PostalTradeAddress/CityName"),
        country=part.text("PostalTradeAddress/CountryID"),
        vat_id=numbers.get("VA", ""),
    )


def _cii_line(line: _Part) -> ELine:
    price = "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/"
    settled = "SpecifiedLineTradeSettlement/"
    quantity = next(line.all("SpecifiedLineTradeDelivery/BilledQuantity"), None)
    return ELine(
        description=line.text("SpecifiedTradeProduct/Name", "SpecifiedTradeProduct/Description"),
        detail=line.text("SpecifiedTradeProduct/Description"),
        article=line.text("SpecifiedTradeProduct/SellerAssignedID", "SpecifiedTradeProduct/GlobalID"),
        quantity=line.number("SpecifiedLineTradeDelivery/BilledQuantity"),
        unit_code=quantity.element.get("unitCode", "") if quantity else "",
        unit_price=_per_unit(line.number(f"{price}ChargeAmount"), line.number(f"{price}BasisQuantity")),
        rate=line.number(f"{settled}ApplicableTradeTax/RateApplicablePercent"),
        total=line.number(f"{settled}SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"),
    )
