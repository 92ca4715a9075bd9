"""The words of questions in English, German and French: which carry no content, and what kind of value they ask for.

All words are folded as labels are compared: lower case, no accents, no marks. Pure.
"""

from __future__ import annotations

import re
from functools import cache

from llava_ocr.prompts import fold
from llava_ocr.schema import Kind
from llava_ocr.synth.vocabulary import WORDING


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = (
    "a an the this that these those of on in at to for from by with as and or is are was were be been do does did has "
    "have had can could should must will would shall may it its there here what which who whom whose when where how "
    "why much many please tell me give say says said state states stated show find read name printed written shown "
    "given listed appear appears mentioned we i you they he she our your my us s t any all"
)
_GERMAN = (
    "der die das den dem des ein eine einen einem einer eines und oder in im am an auf aus bei bis durch fur mit nach "
    "vom von vor zu zum zur uber ist sind war waren sei wird werden wurde wurden hat haben hatte kann muss mussen soll "
    "sollen darf es er sie wir ich ihr man was welche welcher welches welchen welchem wer wem wen wessen wann wo wie "
    "warum viel viele hoch bitte nenne sage zeige lautet lauten heisst steht stehen da hier dieser diese dieses diesem "
    "diesen unser unsere mein meine angegeben genannt gedruckt betragt belauft sich sitzt tragt"
)
_FRENCH = (
    "le la les l un une des du de d au aux et ou en dans sur par pour avec est sont etait a ont ete il elle on nous "
    "vous ce cet cette ces que quel quelle quels quelles qui quoi quand comment combien pourquoi s se y donne dis "
    "montre trouve moi indique indiquee inscrit ecrit figure faut t doit son sa ses leur notre votre"
)
# French `où` folds to `ou`; German `für` to `fur`.
STOP_WORDS = _set(f"{_ENGLISH} {_GERMAN} {_FRENCH}")
# What the question calls the paper itself.
PAPERS = _set(
    "document page paper invoice bill receipt order statement form sheet slip letter dokument seite blatt rechnung "
    "beleg quittung bon kassenbon bestellung kontoauszug auszug formular schreiben dokuments belegs facture recu "
    "ticket commande releve formulaire feuille bordereau"
)
# Of what is known from painting papers, the things that stand beside a label.
_LABELS = _set(
    "customer_number order_number delivery_note delivery_date period reference contact terms shipping tax_number gln "
    "phone fax email web bic bank register manager discount charge prepaid routing mandate creditor department "
    "account_number order_date"
)
_WHO = _set("who whom whose wer wem wen wessen qui")
_VERBS = _set(
    "is are was were has have had does do did can could should must will ist sind war waren hat haben kann muss wurde "
    "wird gibt est sont etait"
)
_ARTICLES = _set("the this that it there a an any")
_WHEN = re.compile(r"\b(when|what day|which day|date|day|wann|datum|tag|bis wann|quand|jour|quel jour)\b|datum\b")
_COUNT = re.compile(
    r"\b(how many|wie viele|wieviele|quantity|menge|anzahl|quantite|nombre de|number of(?! the| this| that| my| our))\b"
)
_AMOUNT = re.compile(
    r"\b(how much|amount|price|cost|costs|total|sum|fee|balance|wie viel|wieviel|wie hoch|kostet|kosten|betrag|preis|"
    r"summe|gebuhr|saldo|combien|montant|prix|cout|coute|somme|frais|solde)\b|(betrag|preis|summe|kosten|gebuhr)\b"
)
_IDENTIFIER = re.compile(r"\b(number|no|code|id|nummer|nr|numero|n|reference|referenz)\b|(nummer|kennzeichen)\b")


def content_words(text: str) -> list[str]:
    """The folded words of a text that carry content, in order."""
    return [word for word in fold(text).split() if word not in STOP_WORDS]


def kind_asked(question: str) -> Kind:
    """The kind of value that a question asks for, by its words; text where they do not tell."""
    folded = fold(question)
    if _COUNT.search(folded):
        return Kind.NUMBER
    if _IDENTIFIER.search(folded):
        return Kind.TEXT
    if _WHEN.search(folded):
        return Kind.DATE
    return Kind.MONEY if _AMOUNT.search(folded) else Kind.TEXT


def asks_yes_or_no(question: str) -> bool:
    """Whether a yes or a no is asked for, which no page prints as the answer."""
    first, second = (*fold(question).split()[:2], "", "")[:2]
    # The German `was` is an English `what`.
    return first in _VERBS if first != "was" else second in _ARTICLES


def asks_who(question: str) -> bool:
    """Whether a person or company is asked for."""
    return not _WHO.isdisjoint(fold(question).split())


def also_called(label: str) -> tuple[str, ...]:
    """A label, and what the same thing is called on other papers, in the languages that are known."""
    folded = fold(label)
    for names in _synonyms():
        if folded in names:
            return tuple(dict.fromkeys([label, *names.values()]))
    return (label,)


@cache
def _synonyms() -> tuple[dict[str, str], ...]:
    """For each thing that papers have labels for, all of them, by their folded form."""
    concepts: dict[str, dict[str, str]] = {}
    for language in WORDING.values():
        for concept, labels in language.items():
            plain = {fold(label): label for label in labels if "{" not in label}
            concepts.setdefault(concept, {}).update(plain)
    return tuple(names for concept, names in concepts.items() if concept in _LABELS)
