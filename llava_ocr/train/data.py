"""The endless stream of examples: a position gives the same example on every machine and after every resume."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from llava_ocr.train.drills import paint_drill
from llava_ocr.train.examples import Encoder, Example
from llava_ocr.train.overview import draw_overview
from llava_ocr.train.questions import Question, Value, converse
from llava_ocr.train.recipes import ModelRecipe, StageRecipe
from llava_ocr.words.layout import lay_out

A4_ASPECT = 595 / 842


class Painter:
    """Makes the example at a position of a stage's stream."""

    def __init__(self, model: ModelRecipe, stage: StageRecipe, tokenizer: Any) -> None:
        self.model, self.stage = model, stage
        self.encoder = Encoder(tokenizer, num_visual=model.num_overview_tokens)

    def example(self, position: int) -> Example:
        """Paint, ask and encode; seeds are tried in turn until one fits `max_tokens`."""
        grown = min(1.0, position / (self.stage.grow_steps * self.stage.examples_per_step))
        for attempt in range(20):
            rng = random.Random(f"{self.stage.first_seed} {position} {attempt}")
            example = self._try(rng, grown)
            if example is not None and len(example.tokens) <= self.stage.max_tokens:
                return example
        raise AssertionError(f"position {position}: no example of at most {self.stage.max_tokens} tokens")

    def _try(self, rng: random.Random, grown: float) -> Example | None:
        drill = paint_drill(rng.getrandbits(48), size=rng.uniform(0, grown))
        question = Question(
            lay_out(drill.page.words, aspect=A4_ASPECT),
            drill.root,
            {value.path: Value(value.text, (value.words,)) for value in drill.printed},
        )
        return self.encoder.encode(converse(question), draw_overview(drill.page, tile_px=self.model.tile_px, rng=rng))


class _Stream(IterableDataset[Example]):
    def __init__(self, painter: Painter, start: int) -> None:
        self.painter, self.start = painter, start

    def __iter__(self) -> Iterator[Example]:
        position = self.start
        while True:
            yield self.painter.example(position)
            position += 1


def stream(painter: Painter, *, start: int) -> Iterator[Example]:
    """Yield the examples from position `start` on, made ahead of need by one gentle child process."""
    loader = DataLoader(
        _Stream(painter, start), batch_size=None, num_workers=1, prefetch_factor=64, worker_init_fn=_be_gentle
    )
    return iter(loader)


def _be_gentle(_worker: int) -> None:
    os.nice(5)
