"""What captions mean, so that `Livraison souhaitée` is a delivery date and `N° de contrat` a contract number: words of
six languages for what papers name again and again, compounds taken apart. Data, and pure functions over it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from llava_ocr.prompts import fold
from llava_ocr.rulebook.roles import NUMBER_WORDS, Role, role_of, vocabulary
from llava_ocr.schema import GroupNode, Kind, LeafNode

# A caption means a field where their words are the same, or all but so for fields whose values show their kind.
SAME, ALIKE = 0.9, 0.5

_CONCEPTS = """
number: number nummer numero reference referenz referencia riferimento referentie
code: code codigo codice kennung kenn
date: date datum fecha data day tag jour dia giorno dag termin dated on am le el il
customer: customer client kunde kunden cliente klant klanten
order: order orders bestellung bestell auftrag auftrags commande pedido ordine bestelling ordered bestellt purchase po
delivery: delivery delivered lieferung liefer lieferdatum livraison livre entrega consegna levering aflever
due: due fallig falligkeit zahlbar payable echeance vencimiento scadenza verval
invoice: invoice rechnung rechnungs facture factura fattura factuur bill
issue: issue issued ausstellung ausstellungs ausgestellt emission emis emitido emissione emesso uitgifte
policy: policy police polizza poliza polis versicherungsschein
insurance: insurance versicherung versicherungs assurance seguro assicurazione verzekering
insurance: insured versichert assure asegurado assicurato verzekerd
contract: contract vertrag vertrags contrat contrato contratto agreement
account: account konto compte cuenta conto rekening
holder: holder inhaber titulaire titular intestatario houder
name: name nom nombre nome naam
address: address adresse anschrift direccion indirizzo adres
phone: phone telephone tel telefon telefono telefoon
email: email mail
birth: birth born geburt geburts naissance nacimiento nascita geboorte
period: period term zeitraum laufzeit periode duree periodo duracion durata looptijd
billing: billing abrechnung abrechnungs facturation facturacion fatturazione
start: start begin beginning beginn anfang anfangs debut inicio comienzo inizio aanvang commencement inception
end: end ende eind fin final fine einde expiry expires ablauf
rent: rent miete miet loyer alquiler affitto huur
deposit: deposit kaution caution fianza cauzione waarborg waarborgsom
tenant: tenant mieter locataire arrendatario inquilino conduttore huurder
landlord: landlord vermieter bailleur arrendador locatore verhuurder
employer: employer arbeitgeber employeur empleador empresa datore werkgever
employee: employee arbeitnehmer mitarbeiter salarie empleado trabajador dipendente werknemer
patient: patient patienten paciente paziente
doctor: doctor physician arzt medecin medico arts
weight: weight gewicht poids peso
gross: gross brutto brut bruto lordo
net: net netto neto
tax: tax vat mwst ust steuer tva taxe taxes iva impuesto imposta btw belasting gst
total: total gesamt summe totale totaal sum
amount: amount betrag montant importe importo bedrag
quantity: quantity menge anzahl quantite cantidad quantita aantal qty
vehicle: vehicle fahrzeug vehicule vehiculo veicolo voertuig
plate: plate registration kennzeichen immatriculation matricula targa kenteken
meter: meter zahler compteur contador contatore
reading: reading stand zahlerstand releve lectura lettura meterstand
salary: salary wage pay gehalt lohn salaire sueldo salario stipendio salaris loon
premium: premium pramie beitrag prime prima premio premie
excess: excess deductible selbstbehalt selbstbeteiligung franchise franquicia franchigia
branch: branch filiale agence sucursal filiaal
bank: bank banque banco banca
supplier: supplier vendor lieferant lieferanten fournisseur vendeur proveedor fornitore leverancier
carrier: carrier frachtfuhrer spediteur transporteur transportista vettore vervoerder
sender: shipper sender absender expediteur remitente mittente afzender
recipient: consignee recipient empfanger destinataire destinatario ontvanger
origin: origin ursprung ursprungs herkunft origine origen oorsprong
country: country land pays pais paese
destination: destination bestimmungs bestimmung destino destinazione bestemming
value: value wert valeur valor valore waarde
currency: currency wahrung devise moneda valuta divisa
version: version fassung versione versie
type: type kind art typ tipo soort
status: status zustand statut estado stato
project: project projekt projet proyecto progetto
payment: payment zahlung zahlungs paiement pago pagamento betaling
method: method mode weise way modo metodo wijze
agent: agent sachbearbeiter betreuer gestionnaire gestor incaricato behandelaar adviser
visit: visit appointment besuch visite visita bezoek afspraak
treatment: treatment behandlung behandlungs soins traitement tratamiento cura behandeling
parcels: parcels packages colis pakete bultos colli pakketten
price: price preis prix precio prezzo prijs
valid: valid gultig valable valido geldig
"""
_MEANING: dict[str, str] = {
    word: line.partition(":")[0] for line in _CONCEPTS.strip().splitlines() for word in line.partition(":")[2].split()
} | dict.fromkeys(NUMBER_WORDS - {"code"}, "number")
# Compounds are taken apart at words of at least so many letters.
MIN_PART = 4
# Words without meaning of their own.
_EMPTY = vocabulary(
    """of the and or for de del della di du des la les los das der die und von van het en e y et a au your our ihre ihr
    unser unsere votre notre vos nos su nuestra vostro nostro uw ons by in to as per"""
)
# What a value's own kind says already.
_KINDS = {Kind.DATE: frozenset(["date"]), Kind.MONEY: frozenset(["amount"]), Kind.CODE: frozenset(["number"])}
_LINKING = re.compile(r"(en|s|n)$")


@lru_cache(maxsize=8192)
def meaning(text: str) -> frozenset[str]:
    """Return what the words of a caption mean, in no order."""
    return frozenset(part for word in fold(text).split() if word not in _EMPTY for part in _parts(word))


def _parts(word: str) -> Iterator[str]:
    if word in _MEANING:
        yield _MEANING[word]
        return
    for cut in range(len(word) - 2, MIN_PART - 1, -1):
        head, tail = word[:cut], word[cut:]
        known = head if head in _MEANING else _LINKING.sub("", head)
        if known in _MEANING and tail in _MEANING:
            yield from (_MEANING[known], _MEANING[tail])
            return
    for cut in range(MIN_PART, len(word) - MIN_PART + 1):
        if word[cut:] in _MEANING:
            yield from (word[:cut], _MEANING[word[cut:]])
            return
    yield word


@lru_cache(maxsize=64)
def known_meanings(root: GroupNode) -> tuple[tuple[LeafNode, tuple[frozenset[str], ...]], ...]:
    """The fields at the top of a schema with what their name and labels mean."""
    leaves = (child for child in root.children if isinstance(child, LeafNode) and child.leaf.kind is not Kind.CHOICE)
    return tuple((leaf, tuple({meaning(text) for text in _said(leaf)})) for leaf in leaves)


def _said(leaf: LeafNode) -> tuple[str, ...]:
    return (leaf.name.replace("_", " "), *leaf.hint.labels)


@lru_cache(maxsize=8192)
def means(root: GroupNode, caption: str) -> tuple[LeafNode, float] | None:
    """Return the field that a caption means and how surely, 0 to 1; None where it means none, or two alike."""
    words = meaning(caption)
    if not words:
        return None
    rated = [
        (max((_likeness(leaf, one, words) for one in said), default=0.0), leaf) for leaf, said in known_meanings(root)
    ]
    rated = sorted((entry for entry in rated if entry[0] >= ALIKE), key=lambda entry: -entry[0])
    if not rated or (len(rated) > 1 and rated[0][0] == rated[1][0]):
        return None
    return rated[0][1], rated[0][0]


def _likeness(leaf: LeafNode, one: frozenset[str], other: frozenset[str]) -> float:
    if one == other:
        return 1.0
    told = _KINDS.get(leaf.leaf.kind, frozenset(["number"]) if role_of(leaf) is Role.NUMBER else frozenset())
    left, right = one - told, other - told
    if not left or not right:
        return 0.0
    if left == right:
        return SAME
    is_plain = leaf.leaf.kind is Kind.TEXT and role_of(leaf) is not Role.NUMBER
    # A number of something is no date of it.
    if is_plain or (leaf.leaf.kind is not Kind.TEXT and "number" in right - left):
        return 0.0
    return 0.85 * len(left & right) / len(left | right)
