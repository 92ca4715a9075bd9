"""What people call the usual fields of papers, in English, German and French. Data.

A concept is named by phrases, `|` between them; its fields are looked for, in order, in whatever type the paper is.
Words that carry no content (`of the`) and what the paper is called (`invoice`) are dropped before anything is compared.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """Something that is usually asked. A phrase of each of `named` must be in the question, phrases of `also` may be;
    `paths` are where a schema may keep it, the best first."""

    named: tuple[str, ...]
    paths: tuple[str, ...]
    also: str = ""


def _concept(phrases: str, *paths: str) -> Concept:
    return Concept((phrases,), paths)


_HEAD = (
    _concept(
        "number|no|invoice number|invoice no|bill number|order number|purchase order number|po number|order no|"
        "receipt number|document number|Nummer|Rechnungsnummer|Rechnungsnr|Rechnungs-Nr|Rechnung Nr|Belegnummer|"
        "Bestellnummer|Auftragsnummer|numéro|numéro de facture|numéro de la facture|n° de facture|facture n°|"
        "numéro de commande|numéro de la commande",
        "invoice_number",
        "order_number",
    ),
    _concept(
        "date|issue date|date of issue|invoice date|order date|day|issued|dated|ordered|purchased|bought|Datum|"
        "Rechnungsdatum|Belegdatum|Bestelldatum|ausgestellt|datiert|bestellt|gekauft|date de facture|"
        "date de la facture|date d'émission|date de commande|datée|émise|commandé|acheté|signed|unterschrieben|signé",
        "issue_date",
        "order_date",
        "date",
        "date_signed",
    ),
    _concept(
        "due|due date|payment due|payable|payable by|to be paid|be paid|paid by|pay by|pay|payment deadline|deadline|"
        "fällig|Fälligkeit|Fälligkeitsdatum|Zahlungsziel|zahlbar|zahlbar bis|bezahlt|bezahlen|zahlen|"
        "échéance|date d'échéance|payable le|payée|payer|réglée|régler",
        "due_date",
    ),
    _concept(
        "delivery date|delivered|delivery|Lieferdatum|Liefertermin|geliefert|Lieferung|date de livraison|livraison|"
        "livré|livrée",
        "delivery_date",
    ),
    _concept(
        "total|grand total|total amount|amount|sum|price|cost|costs|invoice total|invoice amount|total price|"
        "gross amount|gross total|total with tax|total including tax|total including vat|Gesamtbetrag|"
        "Gesamtsumme|Rechnungsbetrag|Betrag|Summe|Endbetrag|Endsumme|Bruttobetrag|Gesamt|Gesamtpreis|kostet|"
        "insgesamt|total ttc|montant|montant total|montant ttc|somme|somme totale|coûte|prix|prix total",
        "grand_total",
        "total",
        "due_amount",
    ),
    _concept(
        "amount due|amount payable|amount to pay|balance due|total due|much due|much pay|left pay|outstanding amount|"
        "outstanding|Zahlbetrag|zahlbarer Betrag|offener Betrag|fälliger Betrag|viel zahlen|viel bezahlen|"
        "net à payer|montant dû|montant à payer|reste payer|combien payer",
        "due_amount",
        "grand_total",
        "total",
    ),
    _concept(
        "net|net total|net amount|subtotal|total without tax|total before tax|total excluding vat|amount without tax|"
        "netto|Nettobetrag|Nettosumme|Summe netto|Zwischensumme|Betrag ohne Steuer|total ht|montant ht|hors taxe|"
        "hors taxes|total hors taxe|total hors taxes|montant hors taxe|montant hors taxes|sous-total",
        "net_total",
    ),
    _concept(
        "tax|vat|sales tax|tax amount|vat amount|total tax|amount tax|amount vat|tax total|Steuer|Steuerbetrag|"
        "Mehrwertsteuer|MwSt|Umsatzsteuer|USt|TVA|montant tva|montant de la tva|taxe|taxes|total tva",
        "tax_total",
    ),
    _concept("currency|Währung|devise|monnaie", "currency"),
    _concept(
        "iban|account|account number|bank account|Konto|Kontonummer|Bankverbindung|compte|numéro de compte|"
        "compte bancaire",
        "iban",
    ),
    _concept("bank|bank name|name bank|Bank|Kreditinstitut|banque|nom banque", "bank_name"),
    _concept(
        "account holder|account owner|owner account|Kontoinhaber|titulaire|titulaire compte|titulaire du compte",
        "account_holder",
    ),
    _concept(
        "opening balance|balance start|beginning balance|old balance|Anfangssaldo|alter Saldo|alter Kontostand|"
        "Anfangsbestand|solde initial|ancien solde|solde de départ",
        "opening_balance",
    ),
    _concept(
        "closing balance|balance|end balance|new balance|final balance|Endsaldo|Saldo|neuer Saldo|Kontostand|"
        "neuer Kontostand|solde|solde final|nouveau solde",
        "closing_balance",
    ),
    _concept("period start|first day|begin|beginning|Beginn|erster Tag|début|premier jour", "period_start"),
    _concept("period end|last day|end|Ende|letzter Tag|fin|dernier jour", "period_end"),
    _concept("requester|Anforderer|demandeur", "requester"),
    _concept("business name", "business_name"),
    _concept("social security number|ssn", "ssn"),
    _concept("employer identification number|ein", "ein"),
)

_SELLER = (
    "seller|vendor|supplier|issuer|sender|merchant|shop|store|provider|issued|sent|sells|sold|issuing|selling|"
    "Verkäufer|Verkäufers|Lieferant|Lieferanten|Absender|Absenders|Aussteller|Ausstellers|Rechnungssteller|"
    "Rechnungsstellers|Händler|Händlers|Laden|Geschäft|ausgestellt|gesendet|geschickt|geschrieben|stellt|verkauft|"
    "liefert|vendeur|fournisseur|émetteur|expéditeur|marchand|magasin|émis|émise|envoyé|envoyée|vend|vendu|facturé"
)
_BUYER = (
    "buyer|customer|client|purchaser|recipient|receiver|billed|bill to|addressed|receives|received|pays|orders|"
    "ordered|bought|Käufer|Käufers|Kunde|Kunden|Empfänger|Empfängers|Rechnungsempfänger|Rechnungsempfängers|"
    "Besteller|Bestellers|gerichtet|adressiert|bestellt|kauft|zahlt|erhält|acheteur|destinataire|adressée|adressé|"
    "commandé|achète|paie|reçoit"
)
_NAME = "name|company|company name|Name|Firma|Firmenname|Namen|nom|société|raison sociale|entreprise"
_ADDRESS_PARTS = (
    ("street|street address|address|Straße|Anschrift|Adresse|rue|adresse", "street", "address"),
    ("postcode|postal code|zip|zip code|PLZ|Postleitzahl|code postal", "postcode", ""),
    ("city|town|place|located|Stadt|Ort|Sitz|ville|localité", "city", ""),
    ("country|Land|pays", "country", ""),
)
_VAT_ID = (
    "vat id|vat number|vat no|vat identification number|tax id|tax number|USt-IdNr|USt-ID|Umsatzsteuer-ID|"
    "Umsatzsteuer-Identifikationsnummer|Umsatzsteuernummer|Steuernummer|UID|numéro tva|n tva|tva intra|"
    "identifiant tva"
)


def _of(party: str, groups: tuple[str, ...]) -> tuple[Concept, ...]:
    """What may be asked of one party; asked about with no more, its name."""
    names = (*(f"{group}.name" for group in groups), *(f"{group}_name" for group in groups))
    parts = [
        Concept((party, phrases), (*(f"{group}.{name}" for group in groups), *(f"{group}_{flat}" for group in groups)))
        for phrases, name, flat in _ADDRESS_PARTS
    ]
    vat = Concept((party, _VAT_ID), tuple(f"{group}.vat_id" for group in groups))
    return Concept((party,), names, also=_NAME), vat, *parts


CONCEPTS: tuple[Concept, ...] = (
    *_HEAD,
    *_of(_SELLER, ("seller", "supplier", "merchant")),
    *_of(_BUYER, ("buyer",)),
    _concept(_VAT_ID, "seller.vat_id", "supplier.vat_id"),
)
