"""The stream of questions about pixels: bands of painted pages and whole ones, cut as inference cuts them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from llava_ocr.prompts import PromptForm, ask_for_record
from llava_ocr.schema import GroupNode, leaves
from llava_ocr.synth.base import PaintedDocument, PaintedPage
from llava_ocr.synth.scan import draw_wear
from llava_ocr.tiles.plan import num_visual_tokens
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.train.asks import invoice_tree
from llava_ocr.train.bands import cut_band
from llava_ocr.train.data import KNOWN_SHARE, RENAMED_SHARE
from llava_ocr.train.examples import Encoder, Example
from llava_ocr.train.painted import PageReading, Spans, ask_about, choose_fields, rename, vary
from llava_ocr.train.patch_looks import look_at_patches, visual_tokens
from llava_ocr.train.patch_truth import PatchTruth, truth_of
from llava_ocr.train.pixel_recipes import AskingStage, PixelRecipe
from llava_ocr.train.questions import Dialogue, FieldLine, Question, converse, pattern_of
from llava_ocr.train.reading_data import paint_any
from llava_ocr.train.seen_pages import SeenPage, choose_page_grid, draw_clean, draw_worn
from llava_ocr.words.layout import lay_out

_LOWEST_BAND = 0.08


@dataclass(frozen=True, eq=False)
class Asked:
    """A question without words, the tiles it is about, and what their patches say."""

    example: Example
    raster: TiledRaster
    truth: PatchTruth


class AskingPainter:
    """Makes the question at a position of an asking stage's stream. `known` are the trees of schema files, by name."""

    def __init__(
        self,
        recipe: PixelRecipe,
        stage: AskingStage,
        tokenizer: Any,
        *,
        spans: Spans,
        known: Mapping[str, GroupNode],
    ) -> None:
        self.recipe, self.stage, self.tokenizer = recipe, stage, tokenizer
        self.spans, self.known = spans, known

    def example(self, position: int) -> Asked:
        """Paint, cut and ask; seeds are tried in turn until one fits `max_tokens`."""
        pace = self.stage.pace
        grown = min(1.0, position / (pace.grow_steps * pace.examples_per_step))
        for attempt in range(50):
            rng = random.Random(f"asking {pace.first_seed} {position} {attempt}")
            reading, question = self._question(rng, grown)
            if question is not None:
                asked = self._asked(question, self._seen(reading.page, rng))
                if len(asked.example.tokens) <= pace.max_tokens:
                    return asked
        raise AssertionError(f"position {position}: no example of at most {pace.max_tokens} tokens")

    def _question(self, rng: random.Random, grown: float) -> tuple[PageReading, Question | None]:
        """Ask about a band of a painted page, or in the end about all of it; None where nothing there can be asked."""
        pace = self.stage.pace
        document = paint_any(rng, first_seed=pace.first_seed, shares=pace.shares)
        root = vary(self._root(document, rng), rng=rng)
        page_index = rng.randrange(len(document.pages))
        reading = _part(document, page_index, height=rng.uniform(_LOWEST_BAND, 0.25) + 0.92 * grown, rng=rng)
        said = {pattern_of(value.path) for value in reading.printed}
        if not said:
            return reading, None
        root = choose_fields(root, lambda leaf: leaf.path in said or rng.random() < pace.null_share) or root
        num_pages = len(document.pages)
        question = ask_about(reading, root, page_index=page_index, num_pages=num_pages, spans=self.spans)
        if question is not None and rng.random() < RENAMED_SHARE:
            question = rename(question, rng=rng)
        return reading, question

    def _root(self, document: PaintedDocument, rng: random.Random) -> GroupNode:
        """Ask as the schema's file does, or of an invoice in a way of training's own."""
        if document.root is not None:
            return document.root
        is_own = document.schema == "invoice" and rng.random() > KNOWN_SHARE
        return invoice_tree(rng) if is_own else self.known[document.schema]

    def _seen(self, page: PaintedPage, rng: random.Random) -> SeenPage:
        model = self.recipe.model
        grid = choose_page_grid(page, model, rng=rng)
        if rng.random() < self.stage.worn_share:
            return draw_worn(page, grid, tile_px=model.tile_px, wear=draw_wear(rng), seed=rng.getrandbits(32))
        return draw_clean(page, grid, tile_px=model.tile_px)

    def _asked(self, question: Question, page: SeenPage) -> Asked:
        model, raster = self.recipe.model, page.raster
        side, size = model.patches_per_side, raster.unpad_size
        with_words = converse(question)
        encoder = Encoder(self.tokenizer, num_visual=num_visual_tokens(raster.grid, size, side))
        example = encoder.encode(without_words(question, with_words), raster.overview_HWC)
        truth = truth_of(page.print, raster, self.recipe.characters, patch_px=model.patch_px)
        token_G = visual_tokens(truth.place_G, grid=raster.grid, size=size, side=side)
        looking = look_at_patches(example, with_words, page.print, token_G, tokenizer=self.tokenizer)
        return Asked(looking, raster, truth)


def without_words(question: Question, with_words: Dialogue) -> Dialogue:
    """Ask the same of a model that takes no words: it is told all labels, and copies from nowhere in the prompt."""
    user = ask_for_record(
        question.root, None, page_index=question.page_index, num_pages=question.num_pages, form=PromptForm.FIND
    ).user
    lines = user.split("\n")[-sum(1 for _ in leaves(question.root)) :]
    fields: list[FieldLine] = []
    start = len(user) - sum(len(line) + 1 for line in lines) + 1
    for line in lines:
        fields.append(FieldLine(start, start + len(line)))
        start += len(line) + 1
    said = [replace(each, copies=()) for each in with_words.said]
    return replace(with_words, user=user, words={}, fields=tuple(fields), owners={}, said=said)


def _part(document: PaintedDocument, page_index: int, *, height: float, rng: random.Random) -> PageReading:
    """Read a band of a page, or all of it where `height` (a share of the page's) reaches 1."""
    page = document.pages[page_index]
    printed = tuple(value for value in document.printed if value.page_index == page_index)
    if height < 1:
        y0 = rng.uniform(0, 1 - height)
        band = cut_band(page, printed, y0=y0, y1=y0 + height)
        page, printed = band.page, band.printed
    return PageReading(page, lay_out(page.words, aspect=page.width_pt / page.height_pt), printed)
