"""The prose of forms: names, headings, and instructions that talk of the fields without giving their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from llava_ocr.synth.codes import fill
from llava_ocr.synth.conventions import Style, write_date
from llava_ocr.synth.form_plan import Guidance
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import read_words

FORMS: dict[str, Any] = read_words("forms")
NAMES = ("#-#", "##-?", "???-##", "####", "?-#", "## ?", "?##", "##.###", "???? ##", "####-??", "#?")


def words(concept: str, language: str) -> list[str]:
    """Return a language's wordings of a concept of forms."""
    listed: list[str] = FORMS[concept][language]
    return listed


def draw_form_name(rng: Random) -> str:
    """Draw a form's name, as `17-B`."""
    return fill(rng, rng.choice(NAMES))


def draw_revised(rng: Random, language: str) -> str:
    """Say which edition of a form it is."""
    day = date(2008, 1, 1) + timedelta(days=rng.randint(0, 6500))
    month = write_date(day, rng.choice(("%B", "%B", "%b", "%m")), language)
    return str(rng.choice(words("revised", language))).format(m=month, y=day.year)


def draw_guidance(rng: Random, style: Style, labels: Sequence[str], *, name: str, office: str) -> tuple[Guidance, ...]:
    """Write some paragraphs of instructions that mention `labels`, or none, or enough to fill pages."""
    count = weighted(rng, [(0, 0.25), (rng.randint(1, 4), 0.3), (rng.randint(5, 14), 0.3), (rng.randint(15, 40), 0.15)])
    heads = words("instruction_heads", style.language)
    return tuple(
        Guidance(_head(rng, heads, labels), " ".join(_sentences(rng, style, labels, name=name, office=office)))
        for _ in range(count)
    )


def _head(rng: Random, heads: Sequence[str], labels: Sequence[str]) -> str:
    if chance(rng, 0.45):
        return ""
    return f"{rng.choice(labels)}." if chance(rng, 0.35) else f"{rng.choice(heads)}."


def _sentences(rng: Random, style: Style, labels: Sequence[str], *, name: str, office: str) -> Iterator[str]:
    day = date(2012, 1, 1) + timedelta(days=rng.randint(0, 6000))
    for template in rng.sample(words("instructions", style.language), rng.randint(2, 5)):
        yield template.format(
            office=office,
            label=rng.choice(labels),
            code=draw_form_name(rng) if chance(rng, 0.6) else name,
            day=style.day(day),
            other_day=style.day(day + timedelta(days=30)),
            amount=f"{style.amount(Decimal(rng.randint(5, 900)))} {style.mark}",
        )
