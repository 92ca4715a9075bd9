"""The text the tokenizer learns its pieces from: drills, painted pages, names, addresses, business words."""

from __future__ import annotations

import random
from collections.abc import Iterator

from faker import Faker

from llava_ocr.prompts import PromptForm, ask_for_record
from llava_ocr.synth.paint import PAINTERS, paint
from llava_ocr.train.drills import LOCALES, paint_drill
from llava_ocr.words.layout import lay_out

BUSINESS_WORDS = """
null true false text amount number date code choice id name lines line seller buyer vendor customer supplier payee
invoice receipt order statement delivery purchase credit note form sheet bill contract account bank iban bic swift tax
vat rate total subtotal net gross grand due paid balance payment terms reference currency country city street postcode
zip address phone fax email web registration company description quantity unit price item article position discount
shipping allowance charge period start end issue issued service merchant cashier card cash change tip page description
product Invoice INVOICE Number NUMBER Date DATE Total TOTAL Amount AMOUNT Tax TAX VAT Subtotal Due Bill Ship To From
Qty Quantity Description Unit Price Terms Payment Customer Order Reference Account Bank Page Phone Email Company
Address City Country Rechnung RECHNUNG Rechnungsnummer Rechnungsdatum Kundennummer Lieferdatum Leistungsdatum
Bestellnummer Gesamtbetrag Zwischensumme Nettobetrag Bruttobetrag Umsatzsteuer MwSt USt Steuer Steuernummer Betrag
Menge Einzelpreis Gesamtpreis Artikel Bezeichnung Einheit Stück Datum Seite Zahlung Zahlungsziel Fällig Bankverbindung
Kontoinhaber Amtsgericht Geschäftsführer Handelsregister Telefon Straße Lieferschein Lieferant Kunde Rabatt Versand
Summe Position Beschreibung Facture FACTURE Numéro Date Montant TTC HT TVA Total Échéance Règlement Désignation
Quantité Prix unitaire Remise Livraison Client Fournisseur Commande Référence Adresse Téléphone Banque Siret Siren
Capital RCS Paiement Conditions Facturation EUR USD CHF GBP IBAN BIC SWIFT SEPA ID Nr No Ref Pos GmbH AG KG Ltd LLC
Inc Corp SARL SAS SA Co und and et der die das January February March April May June July August September October
November December Januar Februar März Mai Juni Juli Oktober Dezember janvier février mars avril mai juin juillet août
septembre octobre novembre décembre € £ $ § ° – • ™ ©
"""


def tokenizer_texts() -> Iterator[str]:
    """Yield some megabytes of text, always the same."""
    for seed in range(3000):
        drill = paint_drill(seed, size=0.7)
        yield ask_for_record(drill.root, lay_out(drill.page.words, aspect=0.7), form=PromptForm.FIND).user
    # Notices are for measuring.
    for schema in sorted(PAINTERS.keys() - {"notice"}):
        for seed in range(600):
            yield from (lay_out(page.words, aspect=0.7).text for page in paint(schema, seed).pages)
    rng = random.Random(0)
    words = BUSINESS_WORDS.split()
    for _ in range(400):
        yield " ".join(rng.sample(words, len(words)))
    for locale in (locale for listed in LOCALES.values() for locale in listed):
        fake = Faker(locale)
        fake.seed_instance(5)
        for _ in range(1500):
            yield f"{fake.name()} {fake.company()} {fake.address()} {fake.sentence()}"
