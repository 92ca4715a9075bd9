"""The engine's promise: without a grammar, the tokens of `generate` on the stock processor's inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.pieces import pieces_of
from llava_ocr.engines.row import Row
from llava_ocr.models.load import LoadedModel
from tests.engines.conftest import BACKBONES, ask, page, stock_processor, tiny_model

PAGES = [page(40, 30, 1), page(30, 90, 2), page(56, 56, 3), page(100, 25, 4)]
TEXTS = ["total", "Read the fields of this invoice as printed: date", "", "12.50 EUR\nlines lines lines"]


def no_grammar(_: Any) -> Any:
    raise AssertionError("no request has a grammar")


def engine_of(model: LoadedModel, **options: Any) -> LocalEngine:
    return LocalEngine(model, compile_grammar=no_grammar, **options)


def generated(model: LoadedModel, text: str, pages: Sequence[np.ndarray], max_new_tokens: int) -> list[int]:
    """What stock transformers answers, alone in its batch, the end token taken off."""
    written = "<s>" + "\n".join(["<image>"] * len(pages) + [text]) + "\n"
    inputs = stock_processor(model.tokenizer)(text=written, images=list(pages) or None, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    out = model.network.generate(**inputs, do_sample=False, max_new_tokens=max_new_tokens)
    new = out[0, inputs["input_ids"].shape[1] :].tolist()
    return new[: new.index(model.tokenizer.eos_token_id)] if model.tokenizer.eos_token_id in new else new


def said(model: LoadedModel, tokens: list[int]) -> tuple[str, tuple[int, ...]]:
    """The text of tokens and where each ends in it, which is how completions tell tokens."""
    row = Row([], torch.empty(0), len(tokens), (), None, tokens=tokens)
    text, trace = row.read_out(pieces_of(model.tokenizer))
    return text, trace.ends


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_tokens_equal_generate(backbone: str, batch_size: int, tokenizer: Any) -> None:
    model = tiny_model(backbone, tokenizer)
    requests = [ask(text, raster) for text, raster in zip(TEXTS, PAGES, strict=True)]
    completions = engine_of(model, max_batch=batch_size).complete(requests)
    for text, raster, completion in zip(TEXTS, PAGES, completions, strict=True):
        expected = generated(model, text, [raster], 24)
        assert (completion.text, completion.trace.ends) == said(model, expected)
