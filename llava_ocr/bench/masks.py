"""What following grammars costs beside a decoding step on a GPU: a batch of 32, a vocabulary of 32,768.

Answers are those of rules about painted invoices, spelt by a vocabulary of the size that backbones have. Each step of
each row is what the engine does: the favourite is tried, a mask made where it is refused, the choice taken, forced
tokens asked for. Times are medians over steps: `tried` for favourites, `lazy_masks` with masks of the refused,
`every_mask` for masks of all rows instead of both, `followed` for taking choices and asking what they force, which
saves the passes that `tokens_per_choice` counts. The step it stands beside is the physical model's
(`decode_physics`); a GPU is not needed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from random import Random
from statistics import median

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from llava_ocr.constrain.decoder import Constraint, GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.pieces import Pieces, pieces_of
from llava_ocr.rulebook.answer import answer_by_rules
from llava_ocr.schema import tree
from llava_ocr.synth.paint import paint
from llava_ocr.words.layout import Layout, lay_out
from schemas.invoice import Invoice

BATCH, VOCABULARY = 32, 32_768
# llava-v1.6-mistral-7b in bf16 on an H200, 3,180 tokens of prompt a row: 14.2 GB of weights and 13.3 GB of keys and
# values at 4.3 TB/s, of which kernels reach 75 %.
STEP_MS = 8.5
# The share of choices at which the favourite is refused (`Tally.num_masks` of the shipped model on 8 pages: 1 of 332).
REFUSED = 0.01
_NUM_WORDS = 60_000


def run(*, num_tokens: int = VOCABULARY) -> dict[str, object]:
    """Measure; times are for one step of the whole batch, by this process's own CPU time."""
    tokenizer = _tokenizer(num_tokens)
    compiler, pieces = GrammarCompiler.for_tokenizer(tokenizer), pieces_of(tokenizer)
    ids = {piece: token for token, piece in enumerate(pieces.bytes_by_id) if piece}
    rows = [_row(seed, compiler, pieces, ids) for seed in range(BATCH)]
    meter = _Meter()
    # Where half of them are at their end, the others are no batch any more.
    while len(open_rows := [row for row in rows if not row.constraint.is_done]) > BATCH // 2:
        meter.step(open_rows)
    return {
        "batch": BATCH,
        "vocabulary": len(tokenizer),
        "steps": meter.num_steps,
        "refused": REFUSED,
        "tokens_per_choice": round(sum(row.num_taken for row in rows) / meter.num_choices, 2),
        "model_step_ms": STEP_MS,
        **meter.figures(),
    }


class _Row:
    """An answer on its way through its grammar."""

    def __init__(self, constraint: Constraint, answer: bytes, pieces: Pieces, ids: dict[bytes, int]) -> None:
        self.constraint, self._rest = constraint, answer
        self._pieces, self._ids = pieces, ids
        self.num_taken = 0
        self.take_forced()

    def next_token(self) -> int:
        """The longest token that the answer goes on with and the grammar lets through."""
        for size in range(16, 0, -1):
            token = self._ids.get(self._rest[:size])
            if token is not None and self.constraint.num_valid([token]):
                return token
        raise AssertionError("the grammar refuses the answer it was written for")

    def take(self, token: int) -> None:
        """Go on with a token, and with what is forced after it."""
        self._follow(token)
        self.take_forced()

    def take_forced(self) -> None:
        """Go on with what is forced."""
        for token in self.constraint.forced():
            self._follow(token)

    def _follow(self, token: int) -> None:
        self.constraint.accept(token)
        self.num_taken += 1
        self._rest = self._rest[len(self._pieces[token]) :]


class _Meter:
    """Takes steps of a batch, and the time of what the engine does in each."""

    def __init__(self) -> None:
        self._times_s: dict[str, list[float]] = {"tried": [], "every_mask": [], "followed": []}
        self.num_steps = self.num_choices = 0

    def step(self, rows: list[_Row]) -> None:
        """Go one token further in every row; times count as if the batch were whole."""
        tokens = [row.next_token() for row in rows]
        chosen = list(zip(rows, tokens, strict=True))
        whole = BATCH / len(rows)
        for name, act in {
            "tried": lambda: [row.constraint.num_valid([token]) for row, token in chosen],
            "every_mask": lambda: [row.constraint.mask() for row in rows],
            "followed": lambda: _take_all(chosen),
        }.items():
            self._times_s[name].append(whole * _timed(act))
        self.num_steps += 1
        self.num_choices += len(rows)

    def figures(self) -> dict[str, float]:
        """Each part's milliseconds a step and its share of the model's step."""
        middle_ms = {name: 1000 * median(times_s) for name, times_s in self._times_s.items()}
        middle_ms["lazy_masks"] = middle_ms["tried"] + REFUSED * middle_ms["every_mask"]
        shares = {f"{name}_share": round(part_ms / STEP_MS, 4) for name, part_ms in middle_ms.items()}
        return {f"{name}_ms": round(part_ms, 3) for name, part_ms in middle_ms.items()} | shares


def _take_all(chosen: list[tuple[_Row, int]]) -> None:
    for row, token in chosen:
        row.take(token)


def _timed(act: Callable[[], object]) -> float:
    start_s = time.process_time()
    act()
    return time.process_time() - start_s


def _row(seed: int, compiler: GrammarCompiler, pieces: Pieces, ids: dict[bytes, int]) -> _Row:
    root, layout = tree(Invoice), _layout(seed)
    answer = json.dumps(json.loads(answer_by_rules(root, layout)), ensure_ascii=False, separators=(",", ":"))
    return _Row(compiler.compile(build_grammar(root, layout)), answer.encode(), pieces, ids)


def _layout(seed: int) -> Layout:
    page = paint("invoice", seed).pages[0]
    return lay_out(page.words, aspect=page.width_pt / page.height_pt)


def _tokenizer(num_tokens: int) -> PreTrainedTokenizerFast:
    """A byte-level vocabulary of words of painted invoices and of made-up ones."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=num_tokens,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def _texts() -> Iterator[str]:
    for seed in range(BATCH):
        yield " ".join(word.text for word in paint("invoice", seed).pages[0].words)
    chance = Random(0)
    syllables = [first + vowel + last for first in "bcdfghklmnprstvwz" for vowel in "aeiou" for last in " nrst"]
    for _ in range(_NUM_WORDS):  # enough for `VOCABULARY`
        yield "".join(chance.choices(syllables, k=3)).replace(" ", "")
