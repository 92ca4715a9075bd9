"""Prefill and decode, spelled out: rows of any length, several tokens a step where a grammar forces them, greedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llava_ocr.engines.cache import RaggedCache
from llava_ocr.engines.row import Row
from llava_ocr.errors import BadGrammar, EngineError

# B rows of a forward pass, R rows alive, Q tokens of a pass (the longest row's), D width, V vocabulary, L visual tokens

# Prompts are read together up to this many tokens, and only where padding stays under a tenth of them.
_PREFILL_TOKENS = 8192
_MAX_PADDING = 0.1
# Positions to reserve behind the longest prompt; the cache grows when answers are longer.
_ANSWER_ROOM = 256


class Decoder:
    """A LLaVA-NeXT's language model, fed with rows."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._language = network.model.language_model
        self._embed = network.get_input_embeddings()
        self._config = network.config.text_config
        self._image_id: int = network.config.image_token_id
        self._device = network.model.image_newline.device

    def decode(self, rows: Sequence[Row]) -> None:
        """Answer all rows to their end. What goes wrong with one row alone becomes its `error`."""
        for row in rows:
            if not row.is_finished:
                row.begin()
        alive = [row for row in rows if not row.is_finished]
        if not alive:
            return
        longest = max(_num_prefilled(row) for row in alive)
        cache = RaggedCache(
            num_layers=self._config.num_hidden_layers,
            num_rows=len(alive),
            capacity=longest + _ANSWER_ROOM,
            window=getattr(self._config, "sliding_window", None),
            device=self._device,
        )
        hidden_RD = self._prefill(alive, cache)
        while alive:
            self._choose(alive, hidden_RD)
            going = [index for index, row in enumerate(alive) if not row.is_finished]
            if going and len(going) < len(alive):
                cache.keep(going)
            alive = [alive[index] for index in going]
            if alive:
                hidden_RD = self._extend(alive, cache)

    def _prefill(self, rows: Sequence[Row], cache: RaggedCache) -> Tensor:
        """Read all prompts; return each row's last hidden state `[R, D]`."""
        last: dict[int, Tensor] = {}
        for group in _prefill_groups(rows):
            embedded = [self._embed_prompt(rows[index]) for index in group]
            counts = [len(row_LD) for row_LD in embedded]
            cache.prefill(group, counts)
            # Padding stands on the right, where the causal mask hides it.
            inputs_BQD = torch.nn.utils.rnn.pad_sequence(embedded, batch_first=True)
            positions_BQ = torch.arange(inputs_BQD.shape[1], device=self._device)[None].expand(len(group), -1)
            hidden_BD = self._forward(inputs_BQD, positions_BQ, None, cache, counts)
            last.update(zip(group, hidden_BD, strict=True))
        return torch.stack([last[index] for index in range(len(rows))])

    def _extend(self, rows: Sequence[Row], cache: RaggedCache) -> Tensor:
        """Read all rows' pending tokens; return each row's last hidden state `[R, D]`."""
        counts = [len(row.pending) for row in rows]
        ids = [torch.tensor(row.pending, device=self._device) for row in rows]
        ids_RQ = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
        positions_RQ, mask_RHQK = cache.extend(counts)
        return self._forward(self._embed(ids_RQ), positions_RQ, mask_RHQK, cache, counts)

    def _forward(
        self,
        inputs_BQD: Tensor,
        positions_BQ: Tensor,
        mask: Tensor | None,
        cache: RaggedCache,
        counts: Sequence[int],
    ) -> Tensor:
        states_BQD = self._language(
            inputs_embeds=inputs_BQD,
            position_ids=positions_BQ,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        last_B = torch.tensor(counts, device=self._device) - 1
        picked: Tensor = states_BQD[torch.arange(len(counts), device=self._device), last_B]
        return picked

    def _embed_prompt(self, row: Row) -> Tensor:
        ids = torch.tensor([*row.prompt_ids, *row.pending], device=self._device)
        embedded_LD: Tensor = self._embed(ids)
        places = ids == self._image_id
        places[len(row.prompt_ids) :] = False
        assert int(places.sum()) == len(row.visual_LD), (int(places.sum()), len(row.visual_LD))
        embedded_LD[places] = row.visual_LD.to(embedded_LD.dtype)
        return embedded_LD

    def _choose(self, rows: Sequence[Row], hidden_RD: Tensor) -> None:
        logits_RV = self._network.lm_head(hidden_RD).float()
        is_finite_R = torch.isfinite(logits_RV).all(dim=-1)
        allowed = _masks(rows, logits_RV.shape[-1])
        if allowed is not None:
            logits_RV = logits_RV.masked_fill(~allowed.to(self._device), -torch.inf)
        best_R, token_R = logits_RV.max(dim=-1)
        logprob_R = best_R - logits_RV.logsumexp(dim=-1)
        told = zip(rows, token_R.tolist(), logprob_R.tolist(), is_finite_R.tolist(), strict=True)
        for row, token, logprob, is_finite in told:
            if row.is_finished:
                continue
            if is_finite:
                row.choose(token, logprob)
            else:
                row.fail(EngineError("the model's scores are not finite; try LLAVA_OCR_PRECISION=fp32"))


def _masks(rows: Sequence[Row], num_tokens: int) -> Tensor | None:
    """Return which tokens each row may choose, `[R, V]`; None where no row has a grammar."""
    if all(row.constraint is None for row in rows):
        return None
    allowed_RV = np.ones((len(rows), num_tokens), np.bool_)
    for row, allowed_V in zip(rows, allowed_RV, strict=True):
        if row.constraint is None:
            continue
        mask = row.constraint.mask()
        allowed_V[: len(mask)] = mask[:num_tokens]
        # The head is often padded beyond the tokenizer.
        allowed_V[len(mask) :] = False
        if not allowed_V.any():
            row.fail(BadGrammar(f"the grammar allows no token after {len(row.tokens)}"))
            allowed_V[:] = True
    return torch.from_numpy(allowed_RV)


def _num_prefilled(row: Row) -> int:
    return len(row.prompt_ids) + len(row.pending)


def _prefill_groups(rows: Sequence[Row]) -> Iterable[list[int]]:
    """Put rows of about one length together, so that little of a pass is padding."""
    group: list[int] = []
    num_real = 0
    for index in sorted(range(len(rows)), key=lambda index: _num_prefilled(rows[index])):
        length = _num_prefilled(rows[index])
        num_padded = length * (len(group) + 1)
        num_real += length
        if group and (num_padded > _PREFILL_TOKENS or num_padded - num_real > _MAX_PADDING * num_padded):
            yield group
            group, num_real = [], length
        group.append(index)
    if group:
        yield group
