"""From questions to fields: the usual ones in three languages, and no guess about the others."""

from __future__ import annotations

import pytest

from llava_ocr.asking.answers import Answer, AnswerState, absent
from llava_ocr.asking.fields import known_fields, made_up, own_label
from llava_ocr.asking.labelled import BOTH, ENGINE_ALONE, RULES_ALONE, value_alone, weigh
from llava_ocr.asking.wording import also_called, asks_yes_or_no, kind_asked
from llava_ocr.catalog import Catalog
from llava_ocr.evaluation.asked import LANGUAGES, USUAL
from llava_ocr.schema import Kind, leaves, tree

CATALOG = Catalog()
ASKED = [
    (name, path, LANGUAGES[number], question)
    for name, fields in USUAL.items()
    for path, wordings in fields.items()
    for number, question in enumerate(wordings)
]


@pytest.mark.parametrize(("name", "path", "language", "question"), ASKED)
def test_a_usual_question_asks_for_its_field(name: str, path: str, language: str, question: str) -> None:
    [best, *_] = known_fields(question, tree(CATALOG.get(name)))
    assert best.path == path


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("How much is due?", "due_amount"),
        ("When is it due?", "due_date"),
        ("Who sent this bill?", "seller.name"),
        ("An wen ist die Rechnung gerichtet?", "buyer.name"),
        ("À qui la facture est-elle adressée ?", "buyer.name"),
        ("What is the VAT number of the customer?", "buyer.vat_id"),
        ("Welche Währung?", "currency"),
        ("seller.postcode", "seller.postcode"),
    ],
)
def test_words_kinds_and_parties_tell_fields_apart(question: str, path: str) -> None:
    [best, *_] = known_fields(question, tree(CATALOG.get("invoice")))
    assert best.path == path


@pytest.mark.parametrize(
    "question",
    [
        "What is the total of the second line?",
        "What is the total weight?",
        "Who signed the invoice for the seller?",
        "Is the invoice paid?",
        "Wie hoch ist der Gesamtbetrag ohne Versandkosten?",
        "Tell me a joke",
        "",
    ],
)
def test_a_question_with_a_condition_that_no_field_explains_is_not_understood(question: str) -> None:
    assert known_fields(question, tree(CATALOG.get("invoice"))) == ()


def test_a_day_is_no_answer_to_how_much() -> None:
    root = tree(CATALOG.get("invoice"))
    assert {leaf.leaf.kind for leaf in known_fields("How much is to be paid?", root)} <= {Kind.MONEY, Kind.NUMBER}
    assert {leaf.leaf.kind for leaf in known_fields("When is it to be paid?", root)} == {Kind.DATE}


@pytest.mark.parametrize("path", ["exempt_payee_code", "classification", "account_numbers", "requester", "ssn"])
def test_a_field_without_a_usual_name_is_asked_for_by_its_own(path: str) -> None:
    [found] = known_fields(f"What is the {path.replace('_', ' ')}?", tree(CATALOG.get("w9")))
    assert found.path == path


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ('What does "Locker No." say?', "Locker No."),
        ("What is the locker number on this form?", "locker number"),
        ("Was steht unter „Fahrgestellnummer“?", "Fahrgestellnummer"),
        ("Quelle est la plaque d'immatriculation ?", "plaque immatriculation"),
        ("What is it?", ""),
    ],
)
def test_a_question_s_own_words_are_the_label(question: str, label: str) -> None:
    assert own_label(question) == label


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many passengers are there?", Kind.NUMBER),
        ("Wie viele Räume?", Kind.NUMBER),
        ("How much is the deposit?", Kind.MONEY),
        ("Quand a lieu la visite ?", Kind.DATE),
        ("What is the policy number?", Kind.TEXT),
        ("Who is the driver?", Kind.TEXT),
    ],
)
def test_the_words_tell_the_kind(question: str, kind: Kind) -> None:
    assert kind_asked(question) is kind


def test_a_made_up_field_has_the_labels_of_other_papers_too() -> None:
    labels = also_called("phone")
    assert {"phone", "Telefon"} <= set(labels)
    [leaf] = leaves(tree(made_up(Kind.TEXT, labels)))
    assert (leaf.path, leaf.hint.labels, leaf.leaf.kind) == ("answer", labels, Kind.TEXT)
    assert also_called("locker number") == ("locker number",)


def test_a_quoted_label_is_meant_as_it_stands() -> None:
    assert known_fields('What does "Total" say?', tree(CATALOG.get("invoice"))) == ()


@pytest.mark.parametrize(
    ("question", "is_so"),
    [
        ("Was steht unter „Saldo“?", False),
        ("Was the invoice paid?", True),
        ("Ist die Rechnung bezahlt?", True),
        ("What is the total?", False),
    ],
)
def test_a_german_was_asks_for_no_yes_or_no(question: str, is_so: bool) -> None:
    assert asks_yes_or_no(question) is is_so


@pytest.mark.parametrize(
    ("read", "alone"),
    [
        ("(laut Ausweis) ........ CHF 6663.56", "CHF 6663.56"),
        ("34,448 Amount: CAD 41.52", "34,448"),
        ("18-Jul-2014, Policy postcode: 90822", "18-Jul-2014"),
        ("(required)", ""),
        ("10:30 Uhr", "10:30 Uhr"),
        ("Ground floor, second door", "Ground floor, second door"),
    ],
)
def test_what_is_no_part_of_a_value_is_taken_off(read: str, alone: str) -> None:
    assert value_alone(read) == alone


def test_two_readings_that_agree_are_surer_than_one() -> None:
    said = Answer("q", AnswerState.ANSWERED, "B-17", confidence=0.2)
    other = Answer("q", AnswerState.ANSWERED, "C-18", confidence=0.2)
    none = absent("q")
    assert weigh(said, said).confidence == BOTH
    assert (weigh(none, said).text, weigh(none, said).confidence) == ("B-17", RULES_ALONE)
    assert (weigh(other, said).text, weigh(other, said).others) == ("B-17", ("C-18",))
    assert weigh(said, none).confidence == 0.2 <= ENGINE_ALONE
    assert weigh(none, none) == none
