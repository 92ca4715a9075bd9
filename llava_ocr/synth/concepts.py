"""Things that forms ask for, in three languages: two thousand concepts made of subjects, attributes and lone ones."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from llava_ocr.schema import Kind, Leaf
from llava_ocr.synth.codes import LETTERS, fill, in_groups, make_bic, make_iban, make_reference, make_vat_id
from llava_ocr.synth.conventions import Style, plain
from llava_ocr.synth.markets import Market
from llava_ocr.synth.parties import draw_party
from llava_ocr.synth.streams import chance
from llava_ocr.synth.vocabulary import INDUSTRIES, read_words

BANK: dict[str, Any] = read_words("concepts")
CODE_SHAPES = {
    "short_code": ("??##", "?####", "##-???", "???-##", "#?##?", "????", "??#####", "C########", "### ###"),
    "plate": ("??-?? ####", "?-?? ###", "??-###-??", "???? ###", "?? ## ???", "?## ???"),
    "vin": ("W??ZZZ##Z########", "VF#????##########", "1??##???#########"),
    "hs": ("####.##", "########", "#### ## ##", "####.##.##"),
    "ssn": ("###-##-####", "## ###### ? ###", "# ## ## ## ### ###", "?? ## ## ## ?"),
    "tax_id": ("## ### ### ###", "##-#######", "###/###/#####", "###########", "## ## ### ### ###"),
    "version": ("#.#", "v#.#", "#.#.#", "#.##"),
}


@dataclass(frozen=True, slots=True)
class Concept:
    """A thing to ask for. `labels` are wordings in the sheet's language, `short` those where its subject is plain."""

    name: str
    short_name: str
    subject: str
    kind: Kind
    draw: str
    labels: tuple[str, ...]
    short: tuple[str, ...]
    english: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A concept's value: as printed, as true, and what a schema says of such values."""

    text: str
    truth: str
    leaf: Leaf
    choices: tuple[str, ...] = ()


def draw_subjects(rng: Random, count: int) -> list[dict[str, str]]:
    """Draw the subjects a sheet is about; few, so that one attribute is often asked of one and printed of another."""
    return rng.sample(BANK["subjects"], count)


def draw_concept(rng: Random, subjects: list[dict[str, str]], language: str) -> Concept:
    """Draw a lone concept or an attribute of one of `subjects`."""
    if chance(rng, 0.35):
        return lone_concept(rng.choice(BANK["lone"]), language)
    return concept_of(rng.choice(subjects), rng.choice(BANK["attributes"]), language)


def lone_concept(entry: dict[str, Any], language: str) -> Concept:
    """Word a concept that is of no subject."""
    labels, english = tuple(entry[language]), tuple(entry["en"])
    return Concept(entry["name"], entry["name"], "", Kind(entry["kind"]), entry["draw"], labels, labels, english)


def concept_of(subject: dict[str, str], attribute: dict[str, Any], language: str) -> Concept:
    """Word an attribute of a subject."""
    labels = tuple(_word(pattern, subject) for pattern in attribute[language])
    short = tuple(dict.fromkeys(_shorten(pattern) for pattern in attribute[language] if "{l}" not in pattern))
    english = tuple(_word(pattern, subject) for pattern in attribute["en"])
    name = f"{subject['name']}_{attribute['name']}"
    return Concept(
        name, attribute["name"], subject["name"], Kind(attribute["kind"]), attribute["draw"], labels, short, english
    )


def subject_label(subject: dict[str, str], language: str) -> str:
    """Name a subject on its own, as headings do."""
    text = subject[language]
    if language == "fr":
        text = re.sub(r"^(de la |de l'|du |de |d')", "", text)
    return text[:1].upper() + text[1:]


def _word(pattern: str, subject: dict[str, str]) -> str:
    text = pattern.format(s=subject["en"], l=subject["en"].lower(), t=subject["de"], d=subject["fr"])
    return text[:1].upper() + text[1:]


def _shorten(pattern: str) -> str:
    text = pattern.format(s="", l="", t="", d="").replace("()", "").strip(" -")
    return " ".join((text[:1].upper() + text[1:]).split())


def draw_value(rng: Random, concept: Concept, style: Style, market: Market) -> Drawn:
    """Draw a value for a concept in a document's style."""
    match concept.kind:
        case Kind.MONEY:
            amount = Decimal(rng.randint(100, 10 ** rng.randint(3, 8))).scaleb(-2)
            return Drawn(style.amount(amount), plain(amount, min_places=2), Leaf(Kind.MONEY))
        case Kind.NUMBER:
            number = _number(rng, concept.draw)
            return Drawn(style.number(number), plain(number), Leaf(Kind.NUMBER))
        case Kind.DATE:
            first = date(1940, 1, 1) if concept.draw == "old_date" else date(2012, 1, 1)
            day = first + timedelta(days=rng.randint(0, 22_000 if concept.draw == "old_date" else 6_000))
            return Drawn(style.day(day), day.isoformat(), Leaf(Kind.DATE))
        case Kind.CHOICE:
            choices = tuple(BANK["choices"][concept.draw][style.language])
            picked = rng.choice(choices)
            return Drawn(picked, picked, Leaf(Kind.CHOICE), choices)
        case Kind.CODE:
            return _code(rng, concept.draw, market)
        case _:
            text = _text(rng, concept.draw, style, market)
            return Drawn(text, text, Leaf(Kind.TEXT))


def _number(rng: Random, draw: str) -> Decimal:
    if draw == "small_count":
        return Decimal(rng.randint(1, 60))
    if draw == "count":
        return Decimal(rng.randint(1, 10 ** rng.randint(2, 6)))
    if draw == "percent":
        return Decimal(rng.randint(1, 2000)).scaleb(-2)
    return Decimal(rng.randint(1, 50_000)).scaleb(-rng.randint(0, 2))


def _text(rng: Random, draw: str, style: Style, market: Market) -> str:
    words = BANK["words"]
    if draw in words:
        return str(rng.choice(words[draw][style.language]))
    if draw == "ratio":
        return f"{rng.randint(95, 180)}/{rng.randint(55, 110)}"
    industry = rng.choice(sorted(INDUSTRIES))
    if draw == "goods":
        return str(rng.choice(INDUSTRIES[industry]["items"][style.language]))
    party = draw_party(rng, market, industry)
    return {
        "name": party.person,
        "company": party.name,
        "street": party.street,
        "city": party.city,
        "postcode": party.postcode,
        "phone": party.phone,
        "email": party.email,
        "web": party.web,
    }[draw]


def _code(rng: Random, draw: str, market: Market) -> Drawn:
    if draw == "iban":
        iban = make_iban(rng, market.country)
        leaf = Leaf(Kind.CODE, "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", "iban")
        return Drawn(in_groups(iban, 4) if chance(rng, 0.6) else iban, iban, leaf)
    if draw == "bic":
        bic = make_bic(rng, market.country)
        return Drawn(bic, bic, Leaf(Kind.CODE, "[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?"))
    if draw == "vat_id":
        vat_id = make_vat_id(rng, market.country) or fill(rng, "US#########")
        return Drawn(vat_id, vat_id, Leaf(Kind.CODE, "[A-Z]{2}[A-Z0-9]{8,13}"))
    code = (
        fill(rng, rng.choice(CODE_SHAPES[draw]))
        if draw in CODE_SHAPES
        else make_reference(rng, rng.randint(2005, 2028))
    )
    if chance(rng, 0.4):
        return Drawn(code, code, Leaf(Kind.TEXT))
    return Drawn(code, code.replace(" ", ""), Leaf(Kind.CODE, _pattern(rng, code.replace(" ", ""))))


def _pattern(rng: Random, code: str) -> str:
    """State the code's shape as a schema's author would: closely, or loosely by length alone."""
    signs = "".join(sorted(set(code) - set(string.ascii_letters + string.digits), key=lambda c: (c == "-", c)))
    if chance(rng, 0.4):
        loose = f"[A-Za-z0-9{re.escape(signs)}]" if not code.isdigit() else "[0-9]"
        return f"{loose}{{{max(1, len(code) - rng.randint(0, 3))},{len(code) + rng.randint(0, 4)}}}"
    parts: list[list[Any]] = []
    for c in code:
        kind = "[0-9]" if c.isdigit() else "[A-Z]" if c in LETTERS + "IOQ" else re.escape(c)
        if parts and parts[-1][0] == kind:
            parts[-1][1] += 1
        else:
            parts.append([kind, 1])
    return "".join(kind if count == 1 else f"{kind}{{{count}}}" for kind, count in parts)
