"""Invoices painted from electronic ones, in both syntaxes; hostile files are refused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from llava_ocr.einvoice import BadEInvoice
from llava_ocr.synth.einvoice import read_einvoice
from llava_ocr.synth.invoice_page import paint_content
from llava_ocr.synth.seeding import NothingToSeedFrom, fill_invoice, seeded_painter

EXAMPLES = Path(__file__).parents[2] / ".." / "shared" / "data" / "ubl_examples"
UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:a="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:b="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
 <b:ID>W-77</b:ID><b:IssueDate>2023-04-05</b:IssueDate><b:DueDate>2023-05-05</b:DueDate>
 <b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>
 <a:AccountingSupplierParty><a:Party>
  <a:PostalAddress><b:StreetName>Am Wehr 3</b:StreetName><b:CityName>Bad Ahle</b:CityName>
   <b:PostalZone>31600</b:PostalZone><a:Country><b:IdentificationCode>DE</b:IdentificationCode></a:Country>
  </a:PostalAddress>
  <a:PartyTaxScheme><b:CompanyID>DE136695976</b:CompanyID><a:TaxScheme><b:ID>VAT</b:ID></a:TaxScheme></a:PartyTaxScheme>
  <a:PartyLegalEntity><b:RegistrationName>Mühle Ahle KG</b:RegistrationName></a:PartyLegalEntity>
 </a:Party></a:AccountingSupplierParty>
 <a:AccountingCustomerParty><a:Party><a:PartyName><b:Name>Bäckerei Senf</b:Name></a:PartyName></a:Party>
 </a:AccountingCustomerParty>
 <a:TaxTotal><b:TaxAmount>1.40</b:TaxAmount><a:TaxSubtotal><b:TaxableAmount>20.00</b:TaxableAmount>
  <b:TaxAmount>1.40</b:TaxAmount><a:TaxCategory><b:Percent>7</b:Percent></a:TaxCategory></a:TaxSubtotal></a:TaxTotal>
 <a:LegalMonetaryTotal><b:LineExtensionAmount>20.00</b:LineExtensionAmount>
  <b:TaxExclusiveAmount>20.00</b:TaxExclusiveAmount><b:TaxInclusiveAmount>21.40</b:TaxInclusiveAmount>
  <b:PayableAmount>21.40</b:PayableAmount></a:LegalMonetaryTotal>
 <a:InvoiceLine><b:InvoicedQuantity unitCode="KGM">50</b:InvoicedQuantity>
  <b:LineExtensionAmount>20.00</b:LineExtensionAmount><a:Item><b:Name>Roggenmehl</b:Name></a:Item>
  <a:Price><b:PriceAmount>40.00</b:PriceAmount><b:BaseQuantity>100</b:BaseQuantity></a:Price></a:InvoiceLine>
</Invoice>"""
CII = """<x:CrossIndustryInvoice xmlns:x="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100">
 <x:ExchangedDocument><x:ID>F 9</x:ID><x:TypeCode>381</x:TypeCode>
  <x:IssueDateTime><x:DateTimeString format="102">20220131</x:DateTimeString></x:IssueDateTime></x:ExchangedDocument>
 <x:SupplyChainTradeTransaction>
  <x:IncludedSupplyChainTradeLineItem><x:SpecifiedTradeProduct><x:Name>Service</x:Name></x:SpecifiedTradeProduct>
   <x:SpecifiedLineTradeDelivery><x:BilledQuantity unitCode="HUR">-2</x:BilledQuantity></x:SpecifiedLineTradeDelivery>
  </x:IncludedSupplyChainTradeLineItem>
  <x:ApplicableHeaderTradeAgreement>
   <x:SellerTradeParty><x:Name>Atelier Roux</x:Name>
    <x:SpecifiedTaxRegistration><x:ID schemeID="VA">FR61123456789</x:ID></x:SpecifiedTaxRegistration>
   </x:SellerTradeParty>
   <x:BuyerTradeParty><x:Name>Mairie de Lons</x:Name></x:BuyerTradeParty></x:ApplicableHeaderTradeAgreement>
  <x:ApplicableHeaderTradeSettlement><x:InvoiceCurrencyCode>SEK</x:InvoiceCurrencyCode>
   <x:SpecifiedTradeSettlementHeaderMonetarySummation><x:GrandTotalAmount>-90.5</x:GrandTotalAmount>
   </x:SpecifiedTradeSettlementHeaderMonetarySummation></x:ApplicableHeaderTradeSettlement>
 </x:SupplyChainTradeTransaction></x:CrossIndustryInvoice>"""


def written(folder: Path, text: str) -> Path:
    path = folder / "invoice.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_ubl_invoice_is_read(tmp_path: Path) -> None:
    invoice = read_einvoice(written(tmp_path, UBL))
    assert (invoice.number, invoice.issued, invoice.grand) == ("W-77", date(2023, 4, 5), Decimal("21.40"))
    assert (invoice.seller.name, invoice.seller.vat_id) == ("Mühle Ahle KG", "DE136695976")
    # 40.00 is the price of a hundred.
    assert invoice.lines[0].unit_price * 50 == invoice.lines[0].total


def test_a_cii_credit_note_is_read(tmp_path: Path) -> None:
    invoice = read_einvoice(written(tmp_path, CII))
    assert (invoice.number, invoice.issued, invoice.is_credit) == ("F 9", date(2022, 1, 31), True)
    assert (invoice.seller.vat_id, invoice.lines[0].unit_code) == ("FR61123456789", "HUR")


def test_what_is_painted_is_what_the_file_says(tmp_path: Path) -> None:
    paint = seeded_painter(written(tmp_path, UBL))
    wanted = {"invoice_number": "W-77", "issue_date": "2023-04-05", "grand_total": "21.40", "tax_total": "1.40"}
    for seed in range(20):
        truth = paint(seed).truth
        assert {name: truth[name] for name in wanted if truth[name]}.items() <= wanted.items()
        assert truth["seller"]["name"] in ("Mühle Ahle KG", None)
        assert truth["lines"][0]["line_total"] == "20.00"


def test_every_seed_gives_another_look_of_the_same_content(tmp_path: Path) -> None:
    paint = seeded_painter(written(tmp_path, UBL))
    assert paint(3) == paint(3)
    assert paint(3).pages != paint(4).pages


def test_a_currency_that_no_market_has_is_painted_all_the_same(tmp_path: Path) -> None:
    content = read_einvoice(written(tmp_path, CII))
    truths = [paint_content(fill_invoice(content, seed), seed).truth for seed in range(8)]
    assert {truth["currency"] for truth in truths} <= {"SEK", None}
    assert {truth["grand_total"] for truth in truths} <= {"-90.50", None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE Invoice [<!ENTITY a SYSTEM "file:///etc/passwd">]><Invoice>&a;</Invoice>', "document type"),
        ("<Invoice", "not XML"),
        ("<html/>", "no invoice of UBL or CII"),
        (UBL.replace("<b:ID>W-77</b:ID>", ""), "no number"),
        (UBL.replace("21.40</b:TaxIn", "NaN</b:TaxIn"), "BT-112 is no number"),
        (UBL.replace("2023-05-05", "soon"), "BT-9 is no date"),
    ],
)
def test_what_is_no_e_invoice_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadEInvoice, match=message):
        read_einvoice(written(tmp_path, text))


def test_what_the_word_lists_do_not_know_is_refused(tmp_path: Path) -> None:
    content = read_einvoice(written(tmp_path, UBL))
    for unknown in (replace(content, currency="XTS"), replace(content, buyer=replace(content.buyer, country="ZZ"))):
        with pytest.raises(BadEInvoice, match="word lists"):
            fill_invoice(unknown, 1)


def test_a_folder_without_xml_seeds_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingToSeedFrom):
        seeded_painter(tmp_path)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs the shared UBL examples")
def test_real_e_invoices_are_painted_with_their_own_totals() -> None:
    for number, path in enumerate(sorted(EXAMPLES.glob("*.xml"))):
        content = read_einvoice(path)
        truth = paint_content(fill_invoice(content, number), number).truth
        assert truth["grand_total"] is None or Decimal(truth["grand_total"]) == content.grand
        assert len(truth["lines"]) == len(content.lines)
