"""Tiny painted pages that teach one thing at a time: find the label, copy the value, say null, read a table's rows.

They come before real-looking documents in the curriculum: copying never emerges from full pages alone (see LOG.md).
Labels are mostly random words, so that matching is learned rather than a list of labels.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

from faker import Faker

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode, Node, RowsNode
from llava_ocr.synth.base import PaintedPage, PrintedValue

LOCALES = {"en": ("en_US", "en_GB"), "de": ("de_DE", "de_AT"), "fr": ("fr_FR",)}
A4_WIDTH_PT, A4_HEIGHT_PT = 595.0, 842.0
LABEL_TAILS = ("No.", "Nr.", "N°", "Date", "Datum", "Total", "Betrag", "Montant", "ID", "Code", "Name", "Ref.")
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


@dataclass(frozen=True)
class Drill:
    """A painted page with the question about it."""

    page: PaintedPage
    root: GroupNode
    printed: tuple[PrintedValue, ...]


@dataclass
class _Canvas:
    """Puts words on a page in a fixed-width face; remembers which word is which."""

    rng: random.Random
    char: float
    words: list[Word] = field(default_factory=list)

    def put(self, text: str, *, x: float, y: float) -> tuple[int, ...]:
        """Print `text` from `x`, `y` (fractions of the page); return its words."""
        start = len(self.words)
        for part in text.split():
            x1 = x + len(part) * self.char
            self.words.append(Word(part, Box(x, y, x1, y + self.char * 1.4)))
            x = x1 + self.char * 0.6
        return tuple(range(start, len(self.words)))


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def words_of(rng: random.Random, language: str, count: int) -> str:
    """Some random words of the language, joined by spaces."""
    listed = _word_list(language)
    return " ".join(rng.choice(listed) for _ in range(count))


@cache
def _word_list(language: str) -> tuple[str, ...]:
    fake = Faker(LOCALES[language][0])
    fake.seed_instance(1)
    names = {word.strip(".,") for _ in range(400) for word in (fake.company() + " " + fake.city()).split()}
    return tuple(sorted(set(fake.get_words_list()) | names))


def paint_drill(seed: int, *, size: float) -> Drill:
    """Paint one drill; `size` from 0 (one to three short lines) to 1 (some thirty) sets its length."""
    rng = random.Random(f"drill {seed}")
    language = rng.choice(tuple(LOCALES))
    canvas = _Canvas(rng, char=rng.uniform(0.008, 0.012))
    if rng.random() < 0.25 * size + 0.1:
        return _table(canvas, rng, language, size)
    return _pairs(canvas, rng, language, size)


def value_of(rng: random.Random, kind: Kind, language: str) -> str:
    """Print a random value of `kind`."""
    return _VALUES[kind](rng, language)


def _text(rng: random.Random, language: str) -> str:
    fake = _faker(rng.choice(LOCALES[language]))
    fake.seed_instance(rng.getrandbits(32))
    makers: list[Callable[[], str]] = [
        fake.name, fake.company, fake.city, fake.street_address, fake.last_name, fake.phone_number, fake.email,
        lambda: words_of(rng, language, rng.randint(1, 5)),
        lambda: words_of(rng, language, rng.randint(1, 3)).title(),
        lambda: _identifier(rng, language),
    ]  # fmt: skip
    return rng.choice(makers)().replace("\n", " ")


def _identifier(rng: random.Random, _language: str = "") -> str:
    shapes = (
        "####",
        "######",
        "########",
        "??####",
        "??-####",
        "####-####",
        "?######",
        "##/####",
        "#?##?-##",
        "??-##-####",
    )
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    return "".join(
        str(rng.randint(0, 9)) if c == "#" else rng.choice(letters) if c == "?" else c for c in rng.choice(shapes)
    )


def _money(rng: random.Random, language: str) -> str:
    amount = f"{rng.choice((9.99, 99.99, 999.99, 9999.99, 99999.99)) * rng.random():,.2f}"
    if language == "en":
        return amount
    swap = str.maketrans({",": "." if language == "de" else rng.choice((".", "")), ".": ","})
    return amount.translate(swap)


def _number(rng: random.Random, language: str) -> str:
    return rng.choice((str(rng.randint(1, 20)), str(rng.randint(1, 1000)), _money(rng, language)))


def _date(rng: random.Random, language: str) -> str:
    day = date(1995, 1, 1) + timedelta(days=rng.randrange(13_000))
    month = MONTHS[language].split()[day.month - 1]
    forms = (
        f"{day:%d.%m.%Y}", f"{day:%d/%m/%Y}", f"{day:%Y-%m-%d}", f"{day.day} {month} {day.year}", f"{day:%m/%d/%Y}",
        f"{day:%d.%m.%y}", f"{day.day}. {month} {day.year}", f"{month} {day.day}, {day.year}", f"{day:%d-%m-%Y}",
    )  # fmt: skip
    return rng.choice(forms)


_VALUES: dict[Kind, Callable[[random.Random, str], str]] = {
    Kind.TEXT: _text,
    Kind.MONEY: _money,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.CODE: _identifier,
}


def _label(rng: random.Random, language: str) -> str:
    label = words_of(rng, language, rng.choice((1, 1, 2, 2, 3)))
    if rng.random() < 0.3:
        label = f"{label} {rng.choice(LABEL_TAILS)}"
    return rng.choice((str.title, str.capitalize, str.upper, str))(label)


def _leaf(rng: random.Random, language: str, *, parent: str = "") -> LeafNode:
    name = "_".join(words_of(rng, "en", rng.randint(1, 2)).lower().replace("'", "").replace(".", "").split())
    label = _label(rng, language)
    others = [_label(rng, language) for _ in range(rng.choice((0, 0, 1, 3)))]
    labels = tuple(sorted([label, *others], key=lambda _: rng.random()))
    kind = rng.choice(tuple(_VALUES))
    return LeafNode(f"{parent}{name}", name, Leaf(kind), Hint(words_of(rng, "en", 3), labels))


def _printed_label(leaf: LeafNode, rng: random.Random) -> str:
    return rng.choice(leaf.hint.labels)


def _distinct(made: list[LeafNode]) -> list[LeafNode]:
    return list({leaf.name: leaf for leaf in made}.values())


def _pairs(canvas: _Canvas, rng: random.Random, language: str, size: float) -> Drill:
    """Labels with their values beside or below them, some asked for and some not, between lines of prose."""
    most = 2 + round(size * 16)
    leaves = _distinct([_leaf(rng, language) for _ in range(rng.randint(1, most))])
    printed: list[PrintedValue] = []
    x0, y = rng.uniform(0.03, 0.3), rng.uniform(0.03, 0.2)
    colon, step = rng.choice((":", "", "", " :")), canvas.char * rng.uniform(1.6, 3)
    value_x, is_below = rng.choice((0.0, 0.0, x0 + rng.uniform(0.25, 0.5))), rng.random() < 0.25
    for leaf in sorted(leaves, key=lambda _: rng.random()):
        for _ in range(rng.choice((0, 0, 0, 1)) if size > 0.1 else 0):
            canvas.put(words_of(rng, language, rng.randint(1, 6)), x=rng.uniform(0.03, 0.5), y=y)
            y += step
        if rng.random() < 0.15:
            continue
        text = value_of(rng, leaf.leaf.kind, language)
        label = canvas.put(_printed_label(leaf, rng) + colon, x=x0, y=y)
        end = canvas.words[label[-1]].box.x1
        y += step if is_below else 0
        x = x0 if is_below else max(value_x, end + canvas.char)
        printed.append(PrintedValue(leaf.path, text, 0, canvas.put(text, x=x, y=y)))
        if rng.random() < 0.2 and not is_below:
            other = canvas.put(_label(rng, language) + colon, x=canvas.words[-1].box.x1 + canvas.char * 4, y=y)
            canvas.put(value_of(rng, leaf.leaf.kind, language), x=canvas.words[other[-1]].box.x1 + canvas.char, y=y)
        y += step
    return _drill(canvas, leaves, printed)


def _table(canvas: _Canvas, rng: random.Random, language: str, size: float) -> Drill:
    """A header and rows below it."""
    leaves = _distinct([_leaf(rng, language, parent="rows[].") for _ in range(rng.randint(1, 2 + round(4 * size)))])
    num_rows = rng.randint(1, 2 + round(size * 8))
    printed: list[PrintedValue] = []
    x0, y, step = rng.uniform(0.03, 0.2), rng.uniform(0.03, 0.4), canvas.char * rng.uniform(1.6, 3)
    width = (0.97 - x0) / len(leaves)
    for column, leaf in enumerate(leaves):
        canvas.put(_printed_label(leaf, rng), x=x0 + column * width, y=y)
    for row in range(num_rows):
        y += step
        for column, leaf in enumerate(leaves):
            if column and rng.random() < 0.1:
                continue
            text = value_of(rng, leaf.leaf.kind, language)
            path = leaf.path.replace("[]", f"[{row}]")
            printed.append(PrintedValue(path, text, 0, canvas.put(text, x=x0 + column * width, y=y)))
    group = GroupNode("rows[]", "rows", Hint(""), tuple(leaves))
    return _drill(canvas, [RowsNode("rows", "rows", Hint("", max_rows=60), group)], printed)


def _drill(canvas: _Canvas, children: list[LeafNode] | list[RowsNode], printed: list[PrintedValue]) -> Drill:
    nodes: tuple[Node, ...] = tuple(children)
    page = PaintedPage(A4_WIDTH_PT, A4_HEIGHT_PT, tuple(canvas.words))
    return Drill(page, GroupNode("", "sheet", Hint(""), nodes), tuple(printed))
