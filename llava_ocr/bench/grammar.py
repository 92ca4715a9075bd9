"""What holding answers to the page's words costs: writing and compiling a grammar, masks, and how much it forces.

Painted invoices, and a tokenizer of single bytes, which is the worst case for masks per answer.
"""

from __future__ import annotations

import json
import time
from itertools import count, islice
from random import Random

from llguidance import LLTokenizer

from llava_ocr.constrain.decoder import Constraint, GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.schema import tree
from llava_ocr.synth.paint import paint
from llava_ocr.words.layout import Layout, lay_out
from schemas.invoice import Invoice

NUM_PAGES = 50


def run() -> dict[str, object]:
    """Measure; times are per page (`_ms`) or per step with a choice (`_us`)."""
    root = tree(Invoice)
    compiler = GrammarCompiler(LLTokenizer("byte"), num_tokens=257)
    layouts = list(islice((_layout(seed) for seed in count()), NUM_PAGES))
    write_ms = compile_ms = 0.0
    meter = _Meter()
    for number, layout in enumerate(layouts):
        started = time.perf_counter()
        grammar = build_grammar(root, layout)
        written = time.perf_counter()
        constraint = compiler.compile(grammar)
        compile_ms += 1000 * (time.perf_counter() - written)
        write_ms += 1000 * (written - started)
        meter.answer(constraint, Random(number))
    return {
        "write_ms": round(write_ms / NUM_PAGES, 3),
        "compile_ms": round(compile_ms / NUM_PAGES, 3),
        "mask_us": round(1e6 * meter.seconds / meter.num_chosen, 2),
        "forced_share": round(meter.num_forced / (meter.num_forced + meter.num_chosen), 3),
        "words_per_page": round(sum(len(layout.words) for layout in layouts) / NUM_PAGES, 1),
        "answers_parsed": meter.num_answers,
    }


def _layout(seed: int) -> Layout:
    page = paint("invoice", seed).pages[0]
    return lay_out(page.words, aspect=page.width_pt / page.height_pt)


class _Meter:
    """Answers at random under a grammar and counts what that takes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.num_chosen = 0
        self.num_forced = 0
        self.num_answers = 0

    def answer(self, constraint: Constraint, chance: Random) -> None:
        """Say something the grammar allows, to the end; it must be JSON."""
        said: list[int] = []
        while not constraint.is_done:
            forced = constraint.forced()
            if forced:
                self.num_forced += len(forced)
            else:
                started = time.perf_counter()
                allowed = constraint.mask()
                self.seconds += time.perf_counter() - started
                forced = [chance.choice(allowed.nonzero()[0].tolist())]
                self.num_chosen += 1
            for token in forced:
                constraint.accept(token)
            said += forced
        json.loads(bytes(token for token in said if token < 256))
        self.num_answers += 1
