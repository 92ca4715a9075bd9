"""What `ask` is worth with the shipped model, on painted papers: how often it answers, how often that is right, and
what it says where the paper holds no answer. For every threshold, so that one can be chosen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from random import Random

from llava_ocr.asking.answering import answer_questions
from llava_ocr.asking.answers import Answer
from llava_ocr.asking.by_fields import LEAST_SURE
from llava_ocr.evaluation.datasets import Generated, paint_held_out
from llava_ocr.evaluation.truth import load_truths
from llava_ocr.grounding.typed import meanings
from llava_ocr.prompts import fold
from llava_ocr.raster.base import PageRead
from llava_ocr.schema import LeafNode, leaves, tree
from llava_ocr.services import Services, open_services
from llava_ocr.settings import load_settings
from llava_ocr.synth.base import PaintedDocument

NUM_DOCUMENTS, NUM_SHEETS = 25, 40
# Papers that a threshold is chosen on, and others that it is judged on.
PARTS: Mapping[str, int] = {"chosen on": 0, "judged on": 50_000}
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

# How the usual fields are asked for: English, German, French.
_NUMBER = ("What is the number?", "Wie lautet die Nummer?", "Quel est le numéro ?")
_TOTAL = ("What is the total?", "Wie hoch ist der Gesamtbetrag?", "Quel est le montant total ?")
_NET = ("What is the net amount?", "Wie hoch ist der Nettobetrag?", "Quel est le montant HT ?")
_TAX = ("How much is the VAT?", "Wie hoch ist die Mehrwertsteuer?", "Quel est le montant de la TVA ?")
_DATE = ("What is the date?", "Welches Datum trägt das Dokument?", "Quelle est la date du document ?")
_IBAN = ("What is the IBAN?", "Wie lautet die IBAN?", "Quel est l'IBAN ?")
_SELLER = ("Who is the seller?", "Wer ist der Verkäufer?", "Qui est le vendeur ?")
_BUYER = ("Who is the customer?", "Wer ist der Kunde?", "Qui est l'acheteur ?")
USUAL: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "invoice": {
        "invoice_number": (
            "What is the invoice number?",
            "Wie lautet die Rechnungsnummer?",
            "Quel est le numéro de la facture ?",
        ),
        "issue_date": ("When was the invoice issued?", "Wann wurde die Rechnung ausgestellt?", "Quelle est la date ?"),
        "due_date": (
            "By when must the invoice be paid?",
            "Bis wann muss die Rechnung bezahlt werden?",
            "Quelle est la date d'échéance ?",
        ),
        "grand_total": _TOTAL,
        "net_total": _NET,
        "tax_total": _TAX,
        "iban": _IBAN,
        "seller.name": ("Who issued the invoice?", "Wer hat die Rechnung ausgestellt?", "Qui a émis la facture ?"),
        "buyer.name": _BUYER,
        "seller.city": ("In which city is the seller?", "In welcher Stadt sitzt der Verkäufer?", "Ville du vendeur ?"),
    },
    "purchase_order": {
        "order_number": (
            "What is the order number?",
            "Wie lautet die Bestellnummer?",
            "Quel est le numéro de la commande ?",
        ),
        "order_date": _DATE,
        "delivery_date": ("What is the delivery date?", "Wie ist der Liefertermin?", "Date de livraison ?"),
        "grand_total": _TOTAL,
        "net_total": _NET,
        "supplier.name": ("Who is the supplier?", "Wer ist der Lieferant?", "Qui est le fournisseur ?"),
        "buyer.name": ("Who is the buyer?", "Wer ist der Besteller?", "Qui est l'acheteur ?"),
    },
    "receipt": {
        "merchant_name": ("Which shop is it?", "Wie heißt das Geschäft?", "Quel est le magasin ?"),
        "date": _DATE,
        "total": _TOTAL,
    },
    "statement": {
        "iban": _IBAN,
        "account_holder": (
            "Who is the account holder?",
            "Wer ist der Kontoinhaber?",
            "Qui est le titulaire du compte ?",
        ),
        "opening_balance": (
            "What is the opening balance?",
            "Wie hoch ist der Anfangssaldo?",
            "Quel est l'ancien solde ?",
        ),
        "closing_balance": (
            "What is the closing balance?",
            "Wie hoch ist der Endsaldo?",
            "Quel est le nouveau solde ?",
        ),
    },
}
_OWN = {"en": 'What does "{}" say?', "de": "Was steht unter „{}“?", "fr": "Que dit « {} » ?"}
LANGUAGES = ("en", "de", "fr")


@dataclass(frozen=True)
class Judged:
    """A question that was asked: whether the paper says it, and what came of it."""

    group: str
    is_said: bool
    is_answered: bool
    is_right: bool
    confidence: float


def run() -> Iterator[dict[str, object]]:
    """Ask painted papers that no training has seen; yield figures for each part, group and threshold."""
    with open_services(load_settings(engine="small")) as services:
        for part, first_seed in PARTS.items():
            judged = [*_usual(services, first_seed), *_sheets(services, first_seed)]
            for group in sorted({one.group for one in judged}):
                for least in THRESHOLDS:
                    chosen = [one for one in judged if one.group == group]
                    yield {"part": part, "group": group, "least_sure": least, **figures(chosen, least)} | (
                        {"is_default": True} if least == LEAST_SURE else {}
                    )


def figures(judged: Sequence[Judged], least: float) -> dict[str, object]:
    """How many questions that the paper answers were answered, how many of all answers were right, and how many
    questions that it does not answer were answered all the same."""
    said = [one for one in judged if one.is_said]
    unsaid = [one for one in judged if not one.is_said]
    given = [one for one in judged if one.is_answered and one.confidence >= least]
    return {
        "num_said": len(said),
        "num_unsaid": len(unsaid),
        "answered": _share(sum(one.is_said for one in given), len(said)),
        "right": _share(sum(one.is_right for one in given), len(said)),
        "precision": _share(sum(one.is_right for one in given), len(given)),
        "invented": _share(sum(not one.is_said for one in given), len(unsaid)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _usual(services: Services, first_seed: int) -> Iterator[Judged]:
    """The usual questions, of papers of known types; the paper may say nothing to some."""
    for name, asked in USUAL.items():
        root = tree(services.catalog.get(name))
        nodes = {leaf.path: leaf for leaf in leaves(root)}
        with tempfile.TemporaryDirectory(prefix="llava-ocr-asked-") as folder:
            truths = load_truths(paint_held_out(Generated(name, NUM_DOCUMENTS, False, first_seed), Path(folder)), root)
            for number, truth in enumerate(truths):
                paths = [path for path in asked if path in truth.leaves]
                languages = [(number + place) % len(LANGUAGES) for place in range(len(paths))]
                questions = [asked[path][language] for path, language in zip(paths, languages, strict=True)]
                answers = _answers(services, truth.file, questions)
                for path, language, answer in zip(paths, languages, answers, strict=True):
                    yield _judged(f"usual, {LANGUAGES[language]}", answer, nodes[path], truth.leaves[path])


def _sheets(services: Services, first_seed: int) -> Iterator[Judged]:
    """Questions by a printed label, of sheets of types that nobody knows; and by labels of other sheets."""
    # Painting takes PyMuPDF, which takes a quarter of a second to import.
    from llava_ocr.synth.curate import Split, keep
    from llava_ocr.synth.sheets import sheets
    from llava_ocr.synth.truth_file import write_painted

    painted: Iterable[PaintedDocument] = keep((sheets(seed) for seed in count(first_seed)), Split.HELD_OUT)
    documents = list(islice(painted, NUM_SHEETS))
    rng = Random(first_seed)
    with tempfile.TemporaryDirectory(prefix="llava-ocr-asked-") as folder:
        paths = list(write_painted(documents, Path(folder), scans=False))
        for number, (document, path) in enumerate(zip(documents, paths, strict=True)):
            page = fold(" ".join(word.text for page in document.pages for word in page.words))
            own = [(leaf, label) for leaf, label in _labels(document) if f" {fold(label)} " in f" {page} "]
            others = _labels(documents[number - 1])
            foreign = [(leaf, label) for leaf, label in others if fold(label) and fold(label) not in page]
            asked = [*rng.sample(own, min(3, len(own))), *rng.sample(foreign, min(2, len(foreign)))]
            questions = [_OWN[document.language].format(label) for _, label in asked]
            answers = _answers(services, path, questions)
            for (leaf, _), answer in zip(asked, answers, strict=True):
                is_own = any(leaf is mine for mine, _ in own)
                yield _judged("own label", answer, leaf, _at(document.truth, leaf.path) if is_own else None)


def _labels(document: PaintedDocument) -> list[tuple[LeafNode, str]]:
    assert document.root is not None, document.schema
    outside = (leaf for leaf in leaves(document.root) if "[]" not in leaf.path and not leaf.choices)
    return [(leaf, label) for leaf in outside for label in leaf.hint.labels[:1]]


def _at(truth: object, path: str) -> str | None:
    for name in path.split("."):
        truth = truth.get(name) if isinstance(truth, dict) else None
    return None if truth is None else str(truth)


def _answers(services: Services, path: Path, questions: Sequence[str]) -> list[Answer]:
    pages: list[PageRead] = list(services.reader.read(path))
    return answer_questions(pages, questions, services.engine, catalog=services.catalog, min_confidence=0.0)


def _judged(group: str, answer: Answer, node: LeafNode, expected: str | None) -> Judged:
    is_right = expected is not None and answer.text is not None and _same(answer.text, expected, node)
    return Judged(group, expected is not None, answer.text is not None, is_right, answer.confidence)


def _same(text: str, expected: str, node: LeafNode) -> bool:
    meant = meanings(expected, node.leaf)
    if meant:
        return bool(meant & meanings(text, node.leaf))
    return fold(text).replace(" ", "") == fold(expected).replace(" ", "")
