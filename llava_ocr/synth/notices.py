"""Papers of types that nobody trained for, in six languages: what is hard about captions, each on a page of its own.

Captions that begin alike, ranges and pairs under one caption, parties over several lines, a head that every page
repeats, prose that speaks of captions, and totals on the last page, with a column of nothing beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Pair, choose_shape, put_lines, put_pairs, put_strip
from llava_ocr.synth.canvas import BREAK, Canvas
from llava_ocr.synth.codes import fill
from llava_ocr.synth.conventions import Style, draw_style, plain, write_date
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.markets import Market, choose_market
from llava_ocr.synth.parties import draw_party
from llava_ocr.synth.phrases import Phrase, Value
from llava_ocr.synth.shapes import fill_tree
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.vocabulary import CALENDAR, INDUSTRIES, read_words

WORDS: dict[str, Any] = read_words("notices")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
CODES = ("??-####", "#####-??", "?#####", "??####/##", "########", "???-##-###")


def paint_notice(seed: int) -> PaintedDocument:
    """Paint a paper with a schema of its own: `root` is its tree, `truth` is nested as that."""
    rng = stream("notice", seed, "content")
    market, look_rng = choose_market(rng), stream("notice", seed, "look")
    look = draw_look(look_rng, stream("notice", seed, "fonts"), market, language=market.language)
    notice = _Notice(rng, market, _style(rng, market), Canvas(look.width, look.height), look)
    family = notice.put()
    pages, printed = notice.canvas.finish()
    title = notice.title
    root = GroupNode("", title["name"], Hint(f"{title['en']}."), tuple(notice.nodes))
    truth = fill_tree(root, {one.path: notice.truths[one.path] for one in printed})
    origin = Origin(family, look.family.name, notice.issuer.name)
    return PaintedDocument("notice", seed, notice.language, truth, pages, printed, origin, root)


def _style(rng: Random, market: Market) -> Style:
    language = weighted(rng, [(market.language, 3.0), *((one, 0.6) for one in LANGUAGES)])
    if language == market.language:
        return draw_style(rng, market, language)
    pattern = rng.choice(("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d"))
    return Style(language, ".", ",", pattern, "plain", "EUR")


@dataclass
class _Notice:
    """One paper while it is made: what it says, what is asked of it, and where the pen stands."""

    rng: Random
    market: Market
    style: Style
    canvas: Canvas
    look: Look
    nodes: list[LeafNode] = field(default_factory=list)
    truths: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.rng
        self.title: dict[str, str] = rng.choice(WORDS["titles"])
        self.issuer = draw_party(rng, self.market, rng.choice(sorted(INDUSTRIES)))
        others = [one for one in LANGUAGES if one != self.language]
        # Forms of two languages print both; schemas of two know both.
        self.other = rng.choice(others)
        self.is_bilingual = chance(rng, 0.2)

    @property
    def language(self) -> str:
        """The paper's own language."""
        return self.style.language

    def put(self) -> str:
        """Lay everything out and return the name of the layout's family."""
        rng, look = self.rng, self.look
        fields = rng.sample(WORDS["fields"], rng.randint(9, 15))
        ranges = rng.sample(WORDS["ranges"], rng.randint(1, 2))
        head = [self._single(one) for one in fields[:3]]
        head += [self._pair(rng.choice(WORDS["pairs"]))] if chance(rng, 0.6) else []
        rest = [self._single(one) for one in fields[3:]] + [self._range(one) for one in ranges]
        rng.shuffle(rest)
        shape, is_boxed = choose_shape(rng), chance(rng, 0.5)
        frame = self._head(head, is_boxed=is_boxed)
        frame = self._parties(frame)
        half = len(rest) // 2
        frame = self._pairs(frame, rest[:half], shape)
        frame = self._prose(frame)
        if chance(rng, 0.4):
            self.canvas.add_page()
            frame = self._head(head, is_boxed=is_boxed)
        frame = self._pairs(frame, rest[half:], choose_shape(rng) if chance(rng, 0.3) else shape)
        if chance(rng, 0.6):
            if chance(rng, 0.5):
                frame = self._carried(frame)
                self.canvas.add_page()
                frame = self._head(head, is_boxed=is_boxed)
            self._totals(frame)
        rng.shuffle(self.nodes)
        return f"notice-{shape}-{'boxed' if is_boxed else 'open'}-{self.language}-{round(look.size)}"

    # --- what is said -------------------------------------------------------------------------------------------

    def _single(self, entry: dict[str, Any]) -> Pair:
        caption = self._caption(entry)
        text, truth = self._drawn(entry["draw"])
        is_asked = chance(self.rng, 0.7)
        if is_asked:
            self._ask(entry["name"], Kind(entry["kind"]), entry["en"][0], entry, caption)
        return caption, self._said(entry["name"] if is_asked else "", text, truth)

    def _range(self, entry: dict[str, Any]) -> Pair:
        rng, style = self.rng, self.style
        caption = self._caption(entry)
        if entry["kind"] == "date":
            start = date(2015, 1, 1) + timedelta(days=rng.randint(0, 4000))
            ends = [start, start + timedelta(days=rng.randint(20, 800))]
            texts, truths = [self._day(day) for day in ends], [day.isoformat() for day in ends]
        else:
            low = Decimal(rng.randint(1, 90) * 100)
            amounts = [low, low + rng.randint(1, 90) * 100]
            texts, truths = [style.amount(one) for one in amounts], [plain(one, min_places=2) for one in amounts]
        for name, hint in zip(entry["names"], entry["hints"], strict=True):
            self._ask(name, Kind(entry["kind"]), hint, entry, caption)
        first, second = (
            self._said(name, text, truth) for name, text, truth in zip(entry["names"], texts, truths, strict=True)
        )
        return caption, (*first, rng.choice(WORDS["joints"][self.language]), *second)

    def _pair(self, entry: dict[str, Any]) -> Pair:
        between = self.rng.choice((" / ", "/", " / "))
        captions, phrase = [], []
        for name, draw, label, english in zip(
            entry["names"], entry["draws"], entry[self.language], entry["en"], strict=True
        ):
            text, truth = self._drawn(draw)
            self._ask(name, Kind.TEXT, english, {}, label)
            captions.append(label)
            phrase.append(self._said(name, text, truth))
        # Two values that touch the stroke between them would be one word.
        return between.join(captions), (*phrase[0], " / ", *phrase[1])

    def _caption(self, entry: dict[str, Any]) -> str:
        caption = str(self.rng.choice(entry[self.language]))
        other = str(entry[self.other][0])
        return f"{caption} / {other}" if self.is_bilingual and other != caption else caption

    def _ask(self, name: str, kind: Kind, hint: str, entry: dict[str, Any], caption: str) -> None:
        """State a field as an author might: with the printed caption, with that of another language too, or with
        the field's name alone."""
        rng = self.rng
        own, other = list(entry.get(self.language, ())), list(entry.get(self.other, ()))
        printed = caption.split(" / ")[0]
        unlabelled = 0.7 if self.language == "en" else 0.0
        labels = weighted(rng, [((printed,), 5), ((printed, *other), 2), ((*own, *other), 2), ((), unlabelled)])
        self.nodes.append(LeafNode(name, name, Leaf(kind), Hint(hint, tuple(dict.fromkeys(labels)))))

    def _said(self, path: str, text: str, truth: str) -> Phrase:
        if not path:
            return (text,)
        self.truths[path] = truth
        return (Value(text, (path,), is_whole=BREAK not in text),)

    def _drawn(self, draw: str) -> tuple[str, str]:
        rng, style = self.rng, self.style
        if draw == "day":
            day = date(1960, 1, 1) + timedelta(days=rng.randint(0, 24_000))
            return self._day(day), day.isoformat()
        if draw == "money":
            amount = Decimal(rng.randint(100, 10 ** rng.randint(4, 7))).scaleb(-2)
            return style.amount(amount), plain(amount, min_places=2)
        if draw in ("count", "decimal"):
            number = Decimal(rng.randint(2, 900)) if draw == "count" else Decimal(rng.randint(11, 90_000)).scaleb(-1)
            return style.number(number), plain(number)
        text = self._text(draw)
        return text, text

    def _day(self, day: date) -> str:
        # Months have names in three languages; in the others dates are figures.
        known = self.language if self.language in CALENDAR["months"] else "en"
        return write_date(day, self.style.date_pattern, known)

    def _text(self, draw: str) -> str:
        rng = self.rng
        if draw == "goods":
            return str(rng.choice(WORDS["items"][self.language]))
        shapes = {"digits": "#" * rng.randint(5, 10), "small": "#", "code": rng.choice(CODES), "plate": "??-?? ####"}
        if draw in shapes:
            return fill(rng, shapes[draw]).replace("0", "7", 1)
        party = draw_party(rng, self.market, rng.choice(sorted(INDUSTRIES)))
        return {"company": party.name, "person": party.person, "city": party.city, "phone": party.phone}[draw]

    # --- where it stands ----------------------------------------------------------------------------------------

    def _head(self, head: Sequence[Pair], *, is_boxed: bool) -> Frame:
        """Put what every page begins with: the same on each."""
        look, canvas = self.look, self.canvas
        frame = Frame(look.left, look.top, look.inner_width)
        lines = [((self.issuer.name,), look.small), ((self.title[self.language],), look.heading(1.6))]
        y = put_lines(canvas, frame, lines, look) + 6
        page = WORDS["page"][self.language].format(n=canvas.num_pages, all=3)
        canvas.text(look.width - look.right, look.top + look.size, (page,), look.small, align=1.0)
        if is_boxed:
            return frame.moved(put_strip(canvas, frame.moved(y), head, look) + 10)
        return frame.moved(put_pairs(canvas, frame.moved(y), head, look, shape="columns") + 10)

    def _pairs(self, frame: Frame, pairs: Sequence[Pair], shape: str) -> Frame:
        """Put captions with their values, in one column or two, or as boxes in rows."""
        rng, look, canvas = self.rng, self.look, self.canvas
        if chance(rng, 0.3):
            y = frame.y
            for at in range(0, len(pairs), 3):
                y = put_strip(canvas, frame.moved(y), pairs[at : at + 3], look) + 4
            return frame.moved(y + 6)
        if chance(rng, 0.4):
            half, middle = -(-len(pairs) // 2), frame.width / 2
            left = put_pairs(canvas, Frame(frame.x, frame.y, middle - 12), pairs[:half], look, shape=shape)
            right = Frame(frame.x + middle, frame.y, middle)
            return frame.moved(max(left, put_pairs(canvas, right, pairs[half:], look, shape=shape)) + 8)
        return frame.moved(put_pairs(canvas, frame, pairs, look, shape=shape) + 8)

    def _parties(self, frame: Frame) -> Frame:
        """Put two parties side by side, each over several lines below its caption."""
        rng, look = self.rng, self.look
        if not chance(rng, 0.7):
            return frame
        low = frame.y
        for column, entry in enumerate(rng.sample(WORDS["parties"], 2)):
            party = draw_party(rng, self.market, rng.choice(sorted(INDUSTRIES)))
            lines = (party.name, party.street, f"{party.postcode} {party.city}")
            caption = self._caption({one: [entry[one]] for one in LANGUAGES})
            phrase: Phrase = (f" {BREAK} ".join(lines),)
            if chance(rng, 0.7):
                # A party's own caption stands over its name and its address.
                is_address = chance(rng, 0.4)
                name, named = (f"{entry['name']}_address", lines) if is_address else (entry["name"], lines[:1])
                self._ask(name, Kind.TEXT, entry["en"], {one: [entry[one]] for one in LANGUAGES}, caption)
                said = self._said(name, f" {BREAK} ".join(named), " ".join(named))
                phrase = (*said, *(f" {BREAK} {line}" for line in lines[len(named) :]))
            spot = Frame(frame.x + column * frame.width / 2, frame.y, frame.width / 2 - 14)
            low = max(low, put_pairs(self.canvas, spot, [(caption, phrase)], look, shape="above"))
        return frame.moved(low + 10)

    def _prose(self, frame: Frame) -> Frame:
        texts = self.rng.sample(WORDS["prose"][self.language], self.rng.randint(0, 2))
        lines = [((text,), self.look.body) for text in texts]
        return frame.moved(put_lines(self.canvas, frame, lines, self.look) + 8)

    def _carried(self, frame: Frame) -> Frame:
        """Put a sum that is carried to the next page, where its total stands."""
        amount, _ = self._drawn("money")
        pairs: list[Pair] = [(WORDS["totals"]["carried"][self.language], (amount,))]
        return frame.moved(put_pairs(self.canvas, frame, pairs, self.look, shape="right"))

    def _totals(self, frame: Frame) -> None:
        """Put a small table of amounts with a column of nothing, and its totals."""
        rng, style, look, canvas = self.rng, self.style, self.look, self.canvas
        names, nothing = WORDS["totals"], style.amount(Decimal(0))
        amounts = [Decimal(rng.randint(500, 90_000)).scaleb(-2) for _ in range(rng.randint(2, 4))]
        rates = (Decimal(rng.choice((5, 7, 19, 20))) / 100).quantize(Decimal("0.01"))
        net = sum(amounts, Decimal(0))
        tax = (net * rates).quantize(Decimal("0.01"))
        rows: list[tuple[str, Phrase]] = [
            (item, (style.amount(one),))
            for item, one in zip(rng.sample(WORDS["items"][self.language], len(amounts)), amounts, strict=True)
        ]
        for name, key, amount in (("net_total", "net", net), ("tax", "tax", tax), ("total", "gross", net + tax)):
            caption = names[key][self.language]
            self._ask(name, Kind.MONEY, names[key]["en"], {one: [names[key][one]] for one in LANGUAGES}, caption)
            rows.append((caption, self._said(name, style.amount(amount), plain(amount, min_places=2))))
        columns = (frame.x, frame.x + frame.width * 0.7, frame.x + frame.width)
        y = frame.y + look.size
        has_rebates = chance(rng, 0.5)
        headers = list(WORDS["columns"][self.language])
        headers[1] = names["rebate"][self.language] if has_rebates else ""
        for at, (x, text) in enumerate(zip(columns, headers, strict=True)):
            canvas.text(x, y, (text,), look.bold, align=1.0 if at else 0.0)
        for caption, phrase in rows:
            y += look.size * 1.5
            canvas.text(columns[0], y, (caption,), look.label_ink)
            if has_rebates:
                canvas.text(columns[1], y, (nothing,), look.body, align=1.0)
            canvas.text(columns[2], y, phrase, look.body, align=1.0)
