"""What is usually written first: transformers' own processor and `generate`, under the same grammars.

`bench decode` measures the engine against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Request
from llava_ocr.engines.pieces import pieces_of
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.engines.row import Constraint, Row
from llava_ocr.engines.vision import Vision
from llava_ocr.models.load import LoadedModel
from llava_ocr.tiles.cut import cut_stock

# B prompts of a batch, L tokens of a prompt, D width, V vocabulary

Compile = Callable[[Grammar], Constraint]


class StockLoop:
    """`generate` over a loaded model. `num_steps` counts its passes."""

    def __init__(self, model: LoadedModel, compile_grammar: Compile) -> None:
        self._model, self._network, self._compile = model, model.network, compile_grammar
        self._prompts, self._pieces = PromptEncoder(model), pieces_of(model.tokenizer)
        self._device = model.network.model.image_newline.device
        self._vision = Vision(model.network, pixel_mean=model.pixel_mean, pixel_std=model.pixel_std, max_tiles=64)
        self._end_id: int = model.tokenizer.eos_token_id
        self.num_steps = 0
        self.num_new_tokens = 0

    def answer_page(self, request: Request, page_HWC: NDArray[np.uint8]) -> str:
        """One page at a time: the drawn page through the stock processor, then `generate`."""
        stock = self._stock_processor()
        pinpoints = self._network.config.image_grid_pinpoints
        pixels = stock([page_HWC], return_tensors="pt")
        as_stock = cut_stock(page_HWC, pinpoints, tile_px=self._model.profile.tile_px, dpi=200)
        ids = torch.tensor([self._prompts.encode(replace(request, rasters=(as_stock,)))], device=self._device)
        dtype = self._network.model.image_newline.dtype
        [text] = self._generate(
            [request],
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=pixels["pixel_values"].to(self._device, dtype),
            image_sizes=pixels["image_sizes"].to(self._device),
        )
        return text

    def answer_batch(self, requests: Sequence[Request]) -> list[str]:
        """A padded batch on the very tiles that the engine gets, so that answers can be compared."""
        visual = iter(self._vision.encode([raster for request in requests for raster in request.rasters]))
        embedded = [self._embedded(request, visual) for request in requests]
        longest = max(len(row_LD) for row_LD in embedded)
        inputs_BLD = torch.stack(
            [torch.nn.functional.pad(row_LD, (0, 0, longest - len(row_LD), 0)) for row_LD in embedded]
        )
        lengths_B = torch.tensor([len(row_LD) for row_LD in embedded], device=self._device)
        mask_BL = torch.arange(longest, device=self._device)[None] >= longest - lengths_B[:, None]
        return self._generate(requests, inputs_embeds=inputs_BLD, attention_mask=mask_BL.long())

    def _embedded(self, request: Request, visual: Iterator[Tensor]) -> Tensor:
        ids = torch.tensor(self._prompts.encode(request), device=self._device)
        embedded_LD: Tensor = self._network.get_input_embeddings()(ids)
        pages = [next(visual) for _ in request.rasters]
        if pages:
            embedded_LD[ids == self._network.config.image_token_id] = torch.cat(pages).to(embedded_LD.dtype)
        return embedded_LD

    def _generate(self, requests: Sequence[Request], **inputs: Any) -> list[str]:
        num_prompt_tokens = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
        masker = _GrammarMasks(requests, self._compile, self._end_id, num_prompt_tokens=num_prompt_tokens)
        out_BL = self._network.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=requests[0].max_new_tokens,
            eos_token_id=self._end_id,
            pad_token_id=self._end_id,
            logits_processor=LogitsProcessorList([masker]),
        )
        new_BL = out_BL[:, num_prompt_tokens:].tolist()
        self.num_steps += len(new_BL[0])
        return [self._text(tokens) for tokens in new_BL]

    def _text(self, tokens: list[int]) -> str:
        said = tokens[: tokens.index(self._end_id)] if self._end_id in tokens else tokens
        self.num_new_tokens += len(said)
        row = Row([], torch.empty(0), len(said), (), None, tokens=said, logprobs=[0.0] * len(said))
        row.forced = [False] * len(said)
        return row.read_out(replace(self._pieces, drops_first_space=False))[0]

    def _stock_processor(self) -> Any:
        edge = self._model.profile.tile_px
        return LlavaNextImageProcessorPil(
            size={"height": edge, "width": edge},
            crop_size={"height": edge, "width": edge},
            image_grid_pinpoints=self._network.config.image_grid_pinpoints,
            image_mean=list(self._model.pixel_mean),
            image_std=list(self._model.pixel_std),
        )


class _GrammarMasks(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped here
    """Masks every row of every step, as logits processors do."""

    def __init__(
        self, requests: Sequence[Request], compile_grammar: Compile, end_id: int, *, num_prompt_tokens: int
    ) -> None:
        self._rows = [compile_grammar(request.grammar) if request.grammar else None for request in requests]
        self._end_id, self._num_prompt_tokens = end_id, num_prompt_tokens
        self._is_over = [False] * len(requests)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Follow each row's last token, then leave what its grammar allows."""
        if input_ids.shape[1] > self._num_prompt_tokens:
            for place, token in enumerate(input_ids[:, -1].tolist()):
                self._accept(place, token)
        allowed_BV = torch.zeros(scores.shape, dtype=torch.bool)
        for place, constraint in enumerate(self._rows):
            if self._is_over[place] or (constraint is not None and constraint.is_done):
                allowed_BV[place, self._end_id] = True
            elif constraint is not None:
                mask = torch.from_numpy(constraint.mask())
                allowed_BV[place, : len(mask)] = mask[: scores.shape[1]]
            else:
                allowed_BV[place] = True
        return scores.masked_fill(~allowed_BV.to(scores.device), -torch.inf)

    def _accept(self, place: int, token: int) -> None:
        constraint = self._rows[place]
        if token == self._end_id:
            self._is_over[place] = True
        elif constraint is not None and not self._is_over[place]:
            constraint.accept(token)
