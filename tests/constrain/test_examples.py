"""Each example is accepted or refused twice: by the grammar alone, and through a real tokenizer."""

from __future__ import annotations

import json

import pytest
from transformers import PreTrainedTokenizerFast

from llava_ocr.constrain.decoder import Constraint, GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.prompts import AS_GUESSED, empty_answer
from llava_ocr.schema import Currency, Date, DocumentPart, DocumentSchema, Iban, Money, Text, read, rows, tree
from llava_ocr.words.layout import lay_out
from tests.fakes import words_of

PAGE = """\
Acme "Best" Inc.,           Invoice
12 High Street              No: A-47/11
12345 Köln                  Date: 03.04.2025

Widget \\ large  2      10,00       1.020,00
Gadget            1    5,00    5,00

§ 19 UStG (in part) paid      Ref.:4711-B    Fat 3,5 %    at 10:30 Cafe\u0301

IBAN: DE89 3704 0044 0532 0130 00      € 1.025,00"""


class Row(DocumentPart):
    item: Text | None = read("What")
    price: Money | None = read("How much")


class Bill(DocumentSchema):
    """A bill."""

    seller: Text | None = read("Who")
    day: Date | None = read("When")
    total: Money | None = read("How much")
    currency: Currency | None = read("Of what")
    iban: Iban | None = read("To where")
    rows: list[Row] = rows("What for", max_rows=2)


LAYOUT = lay_out(words_of(PAGE), aspect=0.7)
GRAMMAR = build_grammar(tree(Bill), LAYOUT)
FREE_GRAMMAR = build_grammar(tree(Bill), None)


def answer(**changes: object) -> str:
    filled = dict(empty_answer(tree(Bill)), **changes)  # type: ignore[call-overload]
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":"))


ACCEPTED = {
    "all absent": answer(),
    "one word": answer(seller="Acme"),
    "quotes in the text": answer(seller='Acme "Best" Inc.'),
    "trailing punctuation kept": answer(seller='Acme "Best" Inc.,'),
    "a backslash": answer(seller="Widget \\ large"),
    "inner punctuation": answer(seller="A-47/11"),
    "across a line break of a block": answer(seller="12 High Street 12345 Köln"),
    "across the gap of a line": answer(seller="Street No: A-47/11"),
    "without the label printed with it": answer(seller="4711-B"),
    "with that label": answer(seller="Ref.:4711-B"),
    "that label alone": answer(seller="Ref"),
    "a mark that stands alone at the end": answer(seller="Fat 3,5 %"),
    "a mark that stands alone at the beginning": answer(seller="§ 19 UStG"),
    "brackets and all": answer(seller="(in part) paid"),
    "a bracket left off": answer(seller="in part"),
    "an accent of its own": answer(seller="Cafe\u0301"),
    "a date": answer(day="03.04.2025"),
    "an amount": answer(total="1.025,00"),
    "a currency sign": answer(currency="€"),
    "an IBAN in groups": answer(iban="DE89 3704 0044 0532 0130 00"),
    "two rows": answer(rows=[{"item": "Gadget", "price": "5,00"}, {"item": None, "price": None}]),
}
REFUSED = {
    "a word that is not there": answer(seller="Apex"),
    "part of a word": answer(seller="Acm"),
    "an empty text": answer(seller=""),
    "punctuation alone": answer(seller=","),
    "a closing mark first": answer(seller=". 12 High Street"),
    "a bracket of the next word": answer(seller="UStG ("),
    "a bracket of the word before": answer(seller=") paid"),
    "an accent left off": answer(seller="Cafe"),
    "half a time": answer(seller="30"),
    "half a number": answer(seller="3"),
    "leading space": answer(seller=" Acme"),
    "words that do not follow each other": answer(seller="Acme Inc."),
    "words of two blocks": answer(seller="Inc., Widget"),
    "an amount that is not there": answer(total="1.025,01"),
    "an amount in other form": answer(total="1025,00"),
    "a date in other form": answer(day="2025-04-03"),
    "an amount as a date": answer(day="10,00"),
    "half an IBAN": answer(iban="DE89 3704"),
    "a number instead of a string": answer(total=1025),
    "too many rows": answer(rows=[{"item": None, "price": None}] * 3),
    "white space": answer().replace(",", ", ", 1),
    "a key too few": '{"seller":null}',
    "keys in other order": answer().replace("seller", "x").replace("day", "seller").replace("x", "day"),
    "text behind the end": answer() + " ",
}


def accepts(constraint: Constraint, tokens: list[int]) -> bool:
    for token in tokens:
        if constraint.is_done or not constraint.allows(token):
            return False
        constraint.accept(token)
    return constraint.is_done


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_grammar_alone_accepts(name: str, byte_compiler: GrammarCompiler) -> None:
    assert accepts(byte_compiler.compile(GRAMMAR), list(ACCEPTED[name].encode()))


@pytest.mark.parametrize("name", REFUSED)
def test_the_grammar_alone_refuses(name: str, byte_compiler: GrammarCompiler) -> None:
    assert not accepts(byte_compiler.compile(GRAMMAR), list(REFUSED[name].encode()))


def tokens_of(text: str, tokenizer: PreTrainedTokenizerFast, compiler: GrammarCompiler) -> list[int]:
    """The text in the tokenizer's pieces, without the space that some put before the first."""
    tokens = tokenizer.encode("\n" + text, add_special_tokens=False)
    for start in range(1, 6):
        if tokenizer.decode(tokens[start:], clean_up_tokenization_spaces=False) == text:
            return tokens[start:]
    raise AssertionError(f"no token boundary before {text[:10]!r}")


@pytest.mark.parametrize("name", ACCEPTED)
def test_through_a_tokenizer_it_is_accepted(
    name: str, tokenizer: PreTrainedTokenizerFast, compiler: GrammarCompiler
) -> None:
    assert accepts(compiler.compile(GRAMMAR), tokens_of(ACCEPTED[name], tokenizer, compiler))


@pytest.mark.parametrize("name", REFUSED)
def test_through_a_tokenizer_it_is_refused(
    name: str, tokenizer: PreTrainedTokenizerFast, compiler: GrammarCompiler
) -> None:
    assert not accepts(compiler.compile(GRAMMAR), tokens_of(REFUSED[name], tokenizer, compiler))


def test_a_page_without_words_allows_free_text_of_the_kind(byte_compiler: GrammarCompiler) -> None:
    said = answer(seller="Apex Ltd.", total="1,025.00", day="3 April 2025")
    assert accepts(byte_compiler.compile(FREE_GRAMMAR), list(said.encode()))


def test_a_page_without_words_still_holds_the_kind(byte_compiler: GrammarCompiler) -> None:
    assert not accepts(byte_compiler.compile(FREE_GRAMMAR), list(answer(total="Apex Ltd.").encode()))


@pytest.mark.parametrize("field", ["seller", "day", "total", "iban"])
def test_only_a_field_with_a_guess_may_be_as_guessed(field: str, byte_compiler: GrammarCompiler) -> None:
    told = byte_compiler.compile(build_grammar(tree(Bill), LAYOUT, guesses={field: "Acme"}))
    said = answer(**{field: AS_GUESSED}).encode()
    assert accepts(told, list(said))
    assert not accepts(byte_compiler.compile(GRAMMAR), list(said))


def test_a_field_with_a_guess_may_be_something_else(byte_compiler: GrammarCompiler) -> None:
    grammar = build_grammar(tree(Bill), LAYOUT, guesses={"seller": "Acme", "day": "03.04.2025"})
    assert accepts(byte_compiler.compile(grammar), list(answer(seller="12 High Street").encode()))
