"""Electronic invoices in their syntaxes. The documents are those that synthetic invoices are seeded from."""

from datetime import date
from decimal import Decimal

import pytest

from llava_ocr.einvoice import BadEInvoice, looks_like_einvoice, read_einvoice
from tests.synth.test_seeding import CII, UBL

# ZUGFeRD 1 has other names for the places of today's CII.
ZUGFERD_1 = """<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0">
 <rsm:HeaderExchangedDocument><rsm:ID>471102</rsm:ID><rsm:IssueDateTime>
  <rsm:DateTimeString format="102">20130305</rsm:DateTimeString></rsm:IssueDateTime></rsm:HeaderExchangedDocument>
 <rsm:SpecifiedSupplyChainTradeTransaction>
  <rsm:ApplicableSupplyChainTradeSettlement><rsm:InvoiceCurrencyCode>EUR</rsm:InvoiceCurrencyCode>
   <rsm:SpecifiedTradeSettlementMonetarySummation><rsm:GrandTotalAmount>235.62</rsm:GrandTotalAmount>
    <rsm:TaxTotalAmount currencyID="CHF">1.00</rsm:TaxTotalAmount>
    <rsm:TaxTotalAmount currencyID="EUR">37.62</rsm:TaxTotalAmount>
   </rsm:SpecifiedTradeSettlementMonetarySummation></rsm:ApplicableSupplyChainTradeSettlement>
  <rsm:IncludedSupplyChainTradeLineItem>
   <rsm:SpecifiedTradeProduct><rsm:Name>a note</rsm:Name></rsm:SpecifiedTradeProduct>
  </rsm:IncludedSupplyChainTradeLineItem>
  <rsm:IncludedSupplyChainTradeLineItem><rsm:SpecifiedSupplyChainTradeSettlement>
    <rsm:SpecifiedTradeSettlementMonetarySummation><rsm:LineTotalAmount>198.00</rsm:LineTotalAmount>
    </rsm:SpecifiedTradeSettlementMonetarySummation></rsm:SpecifiedSupplyChainTradeSettlement>
  </rsm:IncludedSupplyChainTradeLineItem>
 </rsm:SpecifiedSupplyChainTradeTransaction></rsm:CrossIndustryDocument>"""


def test_ubl_says_its_terms() -> None:
    found = read_einvoice(UBL.encode())
    wanted = {"BT-1": "W-77", "BT-2": date(2023, 4, 5), "BT-31": "DE136695976", "BT-112": Decimal("21.40")}
    assert wanted.items() <= found.header.items()
    # 40.00 is the price of a hundred.
    assert found.lines[0]["BT-146"] == Decimal("0.4")


def test_cii_says_its_terms_and_that_it_is_a_credit_note() -> None:
    found = read_einvoice(CII.encode())
    assert found.is_credit
    assert {"BT-27": "Atelier Roux", "BT-31": "FR61123456789", "BT-5": "SEK"}.items() <= found.header.items()
    assert "BT-109" not in found.header


def test_zugferd_1_is_read_under_its_old_names_and_in_the_currency_of_the_invoice() -> None:
    found = read_einvoice(ZUGFERD_1.encode())
    wanted = {"BT-1": "471102", "BT-2": date(2013, 3, 5), "BT-110": Decimal("37.62"), "BT-112": Decimal("235.62")}
    assert wanted.items() <= found.header.items()
    assert found.lines == ({"BT-131": Decimal("198.00")},)


@pytest.mark.parametrize(
    ("head", "is_invoice"),
    [
        (UBL[:1024], True),
        ("\ufeff<?xml version='1.0'?>\n<!-- made by hand -->\n" + CII[:500], True),
        (ZUGFERD_1[:300], True),
        ("<html><Invoice/></html>", False),
        ("<?xml version='1.0'?><feed/>", False),
        ("Invoice <Invoice>", False),
        ("", False),
    ],
)
def test_an_e_invoice_is_known_by_its_root(head: str, is_invoice: bool) -> None:
    assert looks_like_einvoice(head.encode()) is is_invoice


def test_a_huge_file_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llava_ocr.einvoice.MAX_SIZE_BYTES", 10)
    with pytest.raises(BadEInvoice, match="the limit is 10"):
        read_einvoice(UBL.encode())
