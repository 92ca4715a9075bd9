"""What a field is for, told from its labels and its name alone, so that it holds for any schema. Pure."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from functools import lru_cache

from llava_ocr.prompts import fold
from llava_ocr.schema import GroupNode, Kind, LeafNode


class Role(StrEnum):
    """Parts that rules know more of than their label."""

    NET = "net"
    TAX = "tax"
    GRAND = "grand"
    DUE = "due"
    NAME = "name"
    STREET = "street"
    POSTCODE = "postcode"
    CITY = "city"
    NUMBER = "number"


def vocabulary(words: str) -> frozenset[str]:
    """Folded words, written with spaces between."""
    return frozenset(words.split())


NUMBER_WORDS = vocabulary("no nr number nummer numero num n id code ref reference referenz")
# In order: a label that holds a word of an earlier role is not of a later one (`Total incl. VAT`, `Net total`).
_AMOUNT_WORDS: tuple[tuple[Role, frozenset[str]], ...] = (
    (Role.DUE, vocabulary("due balance pay zahlen zahlbetrag falliger payer paid rest")),
    (Role.GRAND, vocabulary("incl including inkl gross brutto bruttobetrag bruttosumme ttc grand")),
    (
        Role.NET,
        vocabulary("net netto nettobetrag nettosumme subtotal zwischensumme ht hors ohne without excl taxable"),
    ),
    (
        Role.TAX,
        vocabulary("vat tax taxes mwst ust umsatzsteuer mehrwertsteuer steuer steuerbetrag tva taxe gst iva"),
    ),
    (Role.GRAND, vocabulary("total summe gesamt gesamtbetrag endbetrag rechnungsbetrag betrag")),
)
_TEXT_WORDS: tuple[tuple[Role, frozenset[str]], ...] = (
    (Role.POSTCODE, vocabulary("postcode zip plz postal postleitzahl")),
    (Role.CITY, vocabulary("city town ort stadt ville")),
    (Role.STREET, vocabulary("street strasse address anschrift adresse rue")),
    (Role.NUMBER, NUMBER_WORDS),
    (Role.NAME, vocabulary("name company firma societe merchant vendor shop raison nom")),
)
# Labels of those who receive a document, as opposed to those who send it.
_RECIPIENT = vocabulary(
    "to buyer customer client kunde kaufer empfanger rechnungsempfanger acheteur recipient debtor consignee"
)


# A day that comes after the document's own.
_DUE = vocabulary("due payable fallig fallige falligkeit zahlbar echeance vencimiento scadenza verval vervaldatum")


@lru_cache(maxsize=1024)
def role_of(leaf: LeafNode) -> Role | None:
    """Return what most of the leaf's labels, and its own name, speak of."""
    lists = {Kind.MONEY: _AMOUNT_WORDS, Kind.TEXT: _TEXT_WORDS}.get(leaf.leaf.kind)
    if lists is None:
        return None
    votes = Counter(role for label in said_of(leaf) if (role := _role_in(label, lists)))
    return votes.most_common(1)[0][0] if votes else None


def said_of(leaf: LeafNode) -> tuple[str, ...]:
    """The leaf's labels and its own name, folded."""
    return tuple(fold(text) for text in (leaf.name.replace("_", " "), *leaf.hint.labels))


_ADDRESS_WORDS = vocabulary(
    "address anschrift adresse direccion domicilio indirizzo adres location premises lieu objektadresse"
)
_LONG_WORDS = vocabulary(
    """description descriptions notes note remarks remark comment comments text terms details instructions reason
    beschreibung bemerkung bemerkungen hinweis hinweise grund bezeichnung betreff subject remarques objet motif
    descripcion observaciones notas descrizione osservazioni omschrijving opmerking opmerkingen clause wording"""
)


def is_due(leaf: LeafNode) -> bool:
    """Whether a date is the day by which something is to be paid."""
    return _speaks_of(leaf, _DUE)


def is_address(leaf: LeafNode) -> bool:
    """Whether a field is a whole address, which has several lines."""
    return _speaks_of(leaf, _ADDRESS_WORDS)


def is_long_text(leaf: LeafNode) -> bool:
    """Whether a field may be sentences."""
    return _speaks_of(leaf, _LONG_WORDS) or is_address(leaf)


@lru_cache(maxsize=4096)
def _speaks_of(leaf: LeafNode, words: frozenset[str]) -> bool:
    return any(words & set(said.split()) for said in said_of(leaf))


def amount_role(text: str) -> Role | None:
    """What a text beside an amount speaks of, whatever the schema calls it."""
    return _role_in(fold(text), _AMOUNT_WORDS)


def is_recipient(group: GroupNode) -> bool:
    """Whether a group is who receives the document."""
    said = [fold(text).split() for text in (group.name.replace("_", " "), *group.hint.labels)]
    return any(word in _RECIPIENT for words in said for word in words)


def _role_in(label: str, lists: tuple[tuple[Role, frozenset[str]], ...]) -> Role | None:
    words = set(label.split())
    return next((role for role, known in lists if words & known), None)
