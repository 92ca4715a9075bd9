from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import StopReason
from llava_ocr.engines.pieces import pieces_of
from llava_ocr.engines.row import Row
from tests.tiny.tokenizers import tiny_sentencepiece, tiny_tokenizer

TOKENIZERS = {"byte level": tiny_tokenizer(), "sentencepiece": tiny_sentencepiece()}


def row(tokens: list[int]) -> Row:
    import torch

    done = Row([], torch.empty(0), 100, (), None, stop_reason=StopReason.END)
    done.tokens = tokens
    return done


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=st.text(min_size=1, max_size=12).filter(lambda text: not {"▁", "<"} & set(text)))
@settings(deadline=None, max_examples=60)
def test_pieces_of_a_text_are_its_bytes(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    pieces = pieces_of(tokenizer)
    spelled = b"".join(pieces[token] for token in tokenizer.encode(text, add_special_tokens=False))
    assert spelled.decode().removeprefix(" " if pieces.drops_first_space else "") == text


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_special_tokens_have_no_bytes(kind: str) -> None:
    tokenizer: Any = TOKENIZERS[kind]
    pieces = pieces_of(tokenizer)
    assert [pieces[token] for token in tokenizer.all_special_ids] == [b""] * len(tokenizer.all_special_ids)
    assert pieces[len(tokenizer) + 5] == b""


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_free_text_reads_as_the_tokenizer_decodes_it(kind: str) -> None:
    tokenizer: Any = TOKENIZERS[kind]
    tokens = tokenizer.encode("Größe: 12.50 €", add_special_tokens=False)
    text, trace = row(tokens).read_out(pieces_of(tokenizer))
    assert text == tokenizer.decode(tokens) == "Größe: 12.50 €"
    assert trace.ends[-1] == len(text)
    assert list(trace.ends) == sorted(trace.ends)


def test_a_cut_character_becomes_one_replacement() -> None:
    tokenizer: Any = TOKENIZERS["byte level"]
    [*kept, _] = tokenizer.encode("a€", add_special_tokens=False)
    text, trace = row(kept).read_out(pieces_of(tokenizer))
    assert text == "a\ufffd"
    assert trace.ends[-1] == 2
