"""What the engines rely on when they follow a grammar."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest
from llguidance.hf import from_tokenizer
from tokenizers import normalizers
from transformers import PreTrainedTokenizerFast

from llava_ocr.constrain.decoder import Constraint, GrammarCompiler
from llava_ocr.constrain.grammar import Grammar
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.errors import BadGrammar
from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.schema import tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from schemas.statement import Statement
from tests.constrain.strategies import say, say_anything
from tests.constrain.test_examples import FREE_GRAMMAR, GRAMMAR, LAYOUT, Bill, answer
from tests.fakes import words_of


def allowed(constraint: Constraint) -> list[int]:
    return [int(token) for token in constraint.mask().nonzero()[0]]


def go_on(constraint: Constraint, num_tokens: int, chance: random.Random) -> None:
    for _ in range(num_tokens):
        constraint.accept(chance.choice(allowed(constraint)))


def test_the_opening_is_forced(compiler: GrammarCompiler, token_bytes: list[bytes]) -> None:
    forced = b"".join(token_bytes[token] for token in compiler.compile(GRAMMAR).forced())
    assert b'{"seller":'.startswith(forced) and len(forced) > 5


def test_an_answer_is_done_at_its_last_brace(compiler: GrammarCompiler) -> None:
    constraint = compiler.compile(GRAMMAR)
    say_anything(constraint, seed=1)
    assert constraint.is_done and constraint.forced() == []
    with pytest.raises(BadGrammar):
        constraint.accept(0)


def test_the_end_token_is_not_allowed_before_the_end(
    compiler: GrammarCompiler, tokenizer: PreTrainedTokenizerFast
) -> None:
    constraint, chance = compiler.compile(FREE_GRAMMAR), random.Random(0)
    while not constraint.is_done:
        assert not constraint.mask()[tokenizer.eos_token_id]
        constraint.accept(chance.choice(allowed(constraint)))


def test_special_tokens_are_no_text(compiler: GrammarCompiler, tokenizer: PreTrainedTokenizerFast) -> None:
    layout = lay_out(words_of("<s> </s> <unk>"), aspect=0.7)
    constraint = compiler.compile(build_grammar(tree(Bill), layout))
    while not constraint.is_done:
        assert not constraint.mask()[tokenizer.all_special_ids].any()
        constraint.accept(allowed(constraint)[-1])


def test_rolling_back_restores_the_mask(compiler: GrammarCompiler) -> None:
    constraint, chance = compiler.compile(GRAMMAR), random.Random(3)
    go_on(constraint, 6, chance)
    before = allowed(constraint)
    go_on(constraint, 4, chance)
    constraint.rollback(4)
    assert allowed(constraint) == before


def test_a_copy_goes_its_own_way(compiler: GrammarCompiler) -> None:
    constraint = compiler.compile(GRAMMAR)
    before = allowed(constraint)
    go_on(constraint.copy(), 5, random.Random(0))
    assert allowed(constraint) == before


def test_allows_is_what_the_mask_says(compiler: GrammarCompiler) -> None:
    constraint = compiler.compile(FREE_GRAMMAR)
    for token in constraint.forced():
        constraint.accept(token)
    mask = constraint.mask()
    assert [constraint.allows(token) for token in range(len(mask))] == mask.tolist()


def test_a_padded_vocabulary_has_a_mask_of_its_width(tokenizer: PreTrainedTokenizerFast) -> None:
    mask = GrammarCompiler.for_tokenizer(tokenizer, num_tokens=512).compile(GRAMMAR).mask()
    assert len(mask) == 512 and not mask[len(tokenizer) :].any()


def test_a_faulty_grammar_is_named_by_its_rule_and_not_quoted(compiler: GrammarCompiler) -> None:
    with pytest.raises(BadGrammar, match="rule amount_1: ") as caught:
        compiler.compile(Grammar('start: amount_1\namount_1: "Acme" /[/'))
    assert "Acme" not in str(caught.value)


def test_a_refused_token_is_not_quoted(byte_compiler: GrammarCompiler) -> None:
    constraint = byte_compiler.compile(GRAMMAR)
    with pytest.raises(BadGrammar, match=r"^token 65 is not allowed here \(\w+\)$"):
        constraint.accept(ord("A"))


@pytest.mark.parametrize("text", ["▁▁▁", "e\u0301", "ﬁ", "①"])
def test_text_that_a_tokenizer_would_change_is_said_as_printed(
    text: str, compiler: GrammarCompiler, token_bytes: list[bytes]
) -> None:
    layout = lay_out(words_of(f"{text}A Total"), aspect=0.7)
    wanted = answer(seller=f"{text}A" if text != "▁▁▁" else "▁▁▁A Total").encode()
    constraint = compiler.compile(build_grammar(tree(Bill), layout))
    assert say(wanted, constraint, token_bytes, is_forced=True) == wanted


def test_a_tokenizer_that_composes_accents_still_says_what_is_printed(byte_level_bpe: PreTrainedTokenizerFast) -> None:
    composing = copy.deepcopy(byte_level_bpe)
    composing.backend_tokenizer.normalizer = normalizers.NFC()
    layout = lay_out(words_of("Cafe\u0301 A"), aspect=0.7)
    constraint = GrammarCompiler.for_tokenizer(composing).compile(build_grammar(tree(Bill), layout))
    known = from_tokenizer(composing)
    wanted = answer(seller="Cafe\u0301 A").encode()
    assert say(wanted, constraint, [known.decode_bytes([i]) for i in range(len(composing))], is_forced=True) == wanted


def test_a_table_of_thousands_of_amounts_compiles(byte_compiler: GrammarCompiler) -> None:
    words = [
        Word(
            f"{index},{index % 90 + 10}",
            Box(0.05 + index % 9 * 0.1, row / 400, 0.1 + index % 9 * 0.1, row / 400 + 0.002),
        )
        for index in range(3000)
        for row in [index // 9]
    ]
    constraint = byte_compiler.compile(build_grammar(tree(Statement), lay_out(words, aspect=0.7)))
    go_on(constraint, 60, random.Random(0))


def test_a_grammar_is_the_same_for_the_same_page() -> None:
    assert build_grammar(tree(Bill), LAYOUT) == GRAMMAR


@pytest.mark.parametrize("fault", ["/[/", '%regex {"substring_chunks": 5}'])
def test_a_grammar_that_does_not_compile_names_the_field(fault: str, compiler: GrammarCompiler) -> None:
    grammar = build_grammar(tree(Invoice), None)
    [terminal] = {name for name, path in grammar.fields.items() if path == "issue_date" and name.startswith("T")}
    lines = [f"{terminal}: {fault}" if line.startswith(f"{terminal}:") else line for line in grammar.lark.split("\n")]
    with pytest.raises(BadGrammar, match="field issue_date, rule T"):
        compiler.compile(replace(grammar, lark="\n".join(lines)))
