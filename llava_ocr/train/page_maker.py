"""The endless stream of pages with questions: synthetic documents of many types, and read pages of real ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llava_ocr.grounding.candidates import spans
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import GroupNode, Node, leaves, without_lists
from llava_ocr.synth.base import PaintedPage
from llava_ocr.synth.curate import Split, split_of
from llava_ocr.synth.paint import paint
from llava_ocr.train.asks import invoice_tree
from llava_ocr.train.overview import draw_overview
from llava_ocr.train.page_questions import PageQuestions, QuestionEncoder
from llava_ocr.train.painted import ask_about, choose_fields, crop, read_page, relabel, rename
from llava_ocr.train.questions import Question
from llava_ocr.train.spoiling import spoil

# Stands for pages of real documents among the names of painters.
REAL = "real"
_ATTEMPTS = 60


@dataclass(frozen=True)
class PageMix:
    """What pages are made of, and what is asked of them.

    `shares` are of painters (REAL: of real pages). A page of at most `max_page_tokens` words' tokens is asked up to
    `max_questions` questions, `max_tokens` in all. Of synthetic pages `noise_share` are misread, `crop_share` cut to a
    part; `all_share` of the questions ask for all fields, the others for a few. Of the fields that a page does not
    say `null_share` are asked for. `told_share` of the questions tell what rules read, `overview_share` of the
    pages are shown at a glance.
    """

    shares: Mapping[str, float]
    max_page_tokens: int
    max_tokens: int
    max_questions: int
    noise_share: float
    crop_share: float
    all_share: float
    null_share: float
    told_share: float
    overview_share: float
    renamed_share: float
    seed: int


class PageMaker:
    """Makes the page at a position: always the same. `known` are the trees of schema files, `real` read pages."""

    def __init__(
        self,
        mix: PageMix,
        encoder: QuestionEncoder,
        *,
        known: Mapping[str, GroupNode],
        real: Sequence[Question] = (),
        tile_px: int,
        num_visual: int,
    ) -> None:
        self._mix, self._encoder, self._known, self._real = mix, encoder, known, real
        self._tile_px, self._num_visual = tile_px, num_visual

    def example(self, position: int) -> PageQuestions:
        """Make a page and its questions; seeds are tried in turn until one fits."""
        for attempt in range(_ATTEMPTS):
            rng = random.Random(f"pages {self._mix.seed} {position} {attempt}")
            made = self._page(rng)
            if made is None:
                continue
            page, question = made
            encoded = self._encoded(page, self._questions(question, rng), rng)
            if encoded is not None:
                return encoded
        raise AssertionError(f"position {position}: no page of at most {self._mix.max_tokens} tokens")

    def _encoded(self, page: PaintedPage | None, questions: list[Question], rng: random.Random) -> PageQuestions | None:
        is_shown = page is not None and rng.random() < self._mix.overview_share
        overview = draw_overview(page, tile_px=self._tile_px, rng=rng) if page is not None and is_shown else None
        num_visual = self._num_visual if is_shown else 0
        encoded = self._encoder.encode(questions, num_visual=num_visual, overview_HWC=overview)
        if encoded is None or len(encoded.page) > self._mix.max_page_tokens:
            return None
        room, kept = self._mix.max_tokens - len(encoded.page), []
        for one in encoded.asked:
            room -= len(one.tokens)
            if room >= 0 and one.choices:
                kept.append(one)
        return replace(encoded, asked=tuple(kept)) if kept else None

    def _page(self, rng: random.Random) -> tuple[PaintedPage | None, Question] | None:
        """Draw a page and all that can be asked of it, with what rules read."""
        shares = {name: share for name, share in self._mix.shares.items() if name != REAL or self._real}
        [drawn] = rng.choices(tuple(shares), tuple(shares.values()))
        if drawn == REAL:
            question = rng.choice(self._real)
            return None, replace(question, guesses=guesses(question.root, question.layout))
        document = paint(drawn, rng.getrandbits(48))
        if split_of(document.origin) is Split.HELD_OUT:
            return None
        root = document.root or self._root(document.schema, rng)
        page_index = rng.randrange(len(document.pages))
        noise = rng.choice((0.02, 0.05, 0.1)) if rng.random() < self._mix.noise_share else 0.0
        reading = read_page(document, page_index, noise=noise, rng=rng)
        if rng.random() < self._mix.crop_share:
            height = rng.uniform(0.2, 0.7)
            y0 = rng.choice((0.0, rng.uniform(0, 1 - height)))
            reading = crop(reading.page, reading.printed, y0=y0, y1=y0 + height)
        if not reading.page.words:
            return None
        asked = ask_about(
            reading, without_lists(root), page_index=page_index, num_pages=len(document.pages), spans=spans
        )
        if asked is None or not any(leaf.path in asked.values for leaf in leaves(asked.root)):
            return None
        question = rename(asked, rng=rng) if rng.random() < self._mix.renamed_share else asked
        return reading.page, replace(question, guesses=guesses(question.root, question.layout))

    def _root(self, schema: str, rng: random.Random) -> GroupNode:
        """Ask as the schema's file does, or of an invoice in a way of training's own."""
        return invoice_tree(rng) if schema == "invoice" and rng.random() < 0.6 else self._known[schema]

    def _questions(self, question: Question, rng: random.Random) -> list[Question]:
        """Ask for different fields, in other words and orders, of one page; what rules read partly made wrong."""
        listed = list(leaves(question.root))
        said = [leaf.path for leaf in listed if leaf.path in question.values]
        absent = [leaf.path for leaf in listed if leaf.path not in question.values]
        asked: list[Question] = []
        for _ in range(self._mix.max_questions):
            is_all = rng.random() < self._mix.all_share
            count = len(said) if is_all else min(len(said), rng.choice((1, 2, 3, 3, 4, 5)))
            # What is seldom asked for comes next: a page's questions should cover it.
            rng.shuffle(said)
            said.sort(key=lambda path: sum(path in _paths(one.root) for one in asked))
            chosen = {*said[:count], *(path for path in absent if rng.random() < self._null_share(count, len(absent)))}
            root = _only(question.root, chosen)
            if root is None:
                continue
            root = relabel(root, rng.choice((1.0, 1.0, 1.0, 0.6, 0.0)), rng, is_shuffled=rng.random() < 0.4)
            told = question.guesses if rng.random() < self._mix.told_share else {}
            kept = {path: text for path, text in told.items() if path in chosen}
            spoiled = spoil(kept, root, question.layout, spans=spans, rng=rng) if told else {}
            asked.append(replace(question, root=root, guesses=spoiled))
        return asked

    def _null_share(self, num_said: int, num_absent: int) -> float:
        """Few absent fields beside few that are there."""
        return min(self._mix.null_share, 0.5 * num_said / max(1, num_absent) + 0.05)


def _only(root: GroupNode, paths: set[str]) -> GroupNode | None:
    return choose_fields(root, lambda leaf: leaf.path in paths)


def _paths(node: Node) -> set[str]:
    return {leaf.path for leaf in leaves(node)}
