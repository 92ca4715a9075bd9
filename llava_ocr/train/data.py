"""The endless stream of examples: a position gives the same example on every machine and after every resume."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from torch.utils.data import DataLoader, IterableDataset

from llava_ocr.schema import GroupNode
from llava_ocr.synth.base import PaintedPage
from llava_ocr.synth.fonts import system_fonts, takes_system_fonts
from llava_ocr.synth.paint import paint
from llava_ocr.synth.sheets import sheets
from llava_ocr.train.asks import invoice_tree
from llava_ocr.train.drills import paint_drill
from llava_ocr.train.examples import Encoder, Example
from llava_ocr.train.overview import draw_overview
from llava_ocr.train.painted import Spans, ask_about, choose_fields, crop, read_page, rename, vary
from llava_ocr.train.questions import Question, Value, converse, pattern_of
from llava_ocr.train.recipes import SHEET, ModelRecipe, StageRecipe
from llava_ocr.train.spoiling import spoil
from llava_ocr.words.layout import Layout, lay_out

Made = TypeVar("Made", covariant=True)

A4_ASPECT = 595 / 842
RENAMED_SHARE, KNOWN_SHARE = 0.1, 0.4
FIRST_NULL_SHARE = 0.15
# The other questions come without the rules' guesses, so that the page itself goes on being read.
GUESSED_SHARE = 0.8
# What rules read of a page: `llava_ocr.rulebook.answer.guesses`.
Guess = Callable[[GroupNode, Layout], Mapping[str, str]]


class Painter:
    """Makes the example at a position of a stage's stream. `known` are the trees of schema files, by name."""

    def __init__(
        self,
        model: ModelRecipe,
        stage: StageRecipe,
        tokenizer: Any,
        *,
        spans: Spans,
        guess: Guess,
        known: Mapping[str, GroupNode],
    ) -> None:
        self.model, self.stage, self.spans, self.guess, self.known = model, stage, spans, guess, known
        self.encoder = Encoder(tokenizer, num_visual=model.num_overview_tokens)

    def example(self, position: int) -> Example:
        """Paint, ask and encode; seeds are tried in turn until one fits `max_tokens`."""
        grown = min(1.0, position / (self.stage.grow_steps * self.stage.examples_per_step))
        for attempt in range(50):
            rng = random.Random(f"{self.stage.first_seed} {position} {attempt}")
            is_drill = rng.random() < self.stage.drill_share
            made = self._drill(rng, grown) if is_drill else self._document(rng, grown)
            if made is not None and made[0].words:
                page, question = made
                drawn = draw_overview(page, tile_px=self.model.tile_px, rng=rng)
                example = self.encoder.encode(converse(question), drawn)
                if len(example.tokens) <= self.stage.max_tokens:
                    return example
        raise AssertionError(f"position {position}: no example of at most {self.stage.max_tokens} tokens")

    def _root(self, schema: str, rng: random.Random) -> GroupNode:
        """Ask as the schema's file does, or of an invoice in a way of training's own."""
        return invoice_tree(rng) if schema == "invoice" and rng.random() > KNOWN_SHARE else self.known[schema]

    def _drill(self, rng: random.Random, grown: float) -> tuple[PaintedPage, Question]:
        drill = paint_drill(rng.getrandbits(48), size=rng.uniform(0, grown))
        values = {value.path: Value(value.text, (value.words,)) for value in drill.printed}
        return drill.page, Question(lay_out(drill.page.words, aspect=A4_ASPECT), drill.root, values)

    def _document(self, rng: random.Random, grown: float) -> tuple[PaintedPage, Question] | None:
        seed = self.stage.first_seed + rng.randrange(10**9)
        drawn = rng.choices(tuple(self.stage.shares), tuple(self.stage.shares.values()))[0]
        document = sheets(seed) if drawn == SHEET else paint(drawn, seed)
        root = vary(document.root or self._root(document.schema, rng), rng=rng, asks_rows=self.stage.asks_rows)
        page_index = rng.randrange(len(document.pages))
        noise = rng.choice((0.02, 0.05, 0.1)) if rng.random() < self.stage.noise_share else 0.0
        reading = read_page(document, page_index, noise=noise, rng=rng)
        height = rng.uniform(0.1, 0.4) + 0.6 * grown
        if height < 1:
            y0 = rng.uniform(0, 1 - height)
            reading = crop(reading.page, reading.printed, y0=y0, y1=y0 + height)
        said = {pattern_of(value.path) for value in reading.printed}
        null_share = FIRST_NULL_SHARE + (self.stage.null_share - FIRST_NULL_SHARE) * grown
        root = choose_fields(root, lambda leaf: leaf.path in said or rng.random() < null_share) or root
        question = ask_about(reading, root, page_index=page_index, num_pages=len(document.pages), spans=self.spans)
        if question is None:
            return None
        question = rename(question, rng=rng) if rng.random() < RENAMED_SHARE else question
        if rng.random() < GUESSED_SHARE:
            question = replace(question, guesses=self._guesses(question, rng))
        return reading.page, question

    def _guesses(self, question: Question, rng: random.Random) -> Mapping[str, str]:
        guesses = self.guess(question.root, question.layout)
        if not self.stage.spoils_guesses:
            return guesses
        return spoil(guesses, question.root, question.layout, spans=self.spans, rng=rng)


class MakesExamples(Protocol[Made]):
    """Whatever has an example at every position."""

    def example(self, position: int) -> Made:
        """Make the example at a position, always the same."""
        ...


class _Stream(IterableDataset[Made]):
    """Examples in a child process, which is to paint as its parent would: context variables don't travel."""

    def __init__(self, painter: MakesExamples[Made], start: int) -> None:
        self.painter, self.start, self.takes_system_fonts = painter, start, takes_system_fonts()

    def __iter__(self) -> Iterator[Made]:
        position = self.start
        while True:
            with system_fonts(are_wanted=self.takes_system_fonts):
                example = self.painter.example(position)
            yield example
            position += 1


def stream(painter: MakesExamples[Made], *, start: int, num_ahead: int = 64) -> Iterator[Made]:
    """Yield the examples from position `start` on, made ahead of need by one gentle child process."""
    loader = DataLoader(
        _Stream(painter, start), batch_size=None, num_workers=1, prefetch_factor=num_ahead, worker_init_fn=_be_gentle
    )
    return iter(loader)


def _be_gentle(_worker: int) -> None:
    os.nice(5)
