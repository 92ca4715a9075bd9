"""The language model over slots: packed passes that read any rows' new tokens, and the choice of what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llava_ocr.engines.memory import Segment, SlotMemory, announced, token_bytes
from llava_ocr.engines.row import Row
from llava_ocr.engines.threads import one_thread_if_narrow
from llava_ocr.errors import ConfigError, ModelFailed

# N packed tokens of a pass, P places where something is chosen, D width, V vocabulary, L visual tokens


@dataclass(frozen=True, eq=False)
class Seat:
    """A row and the slot of the memory that it has."""

    row: Row
    slot: int


class Decoder:
    """A LLaVA-NeXT's language model, fed with rows; it keeps nothing between passes but what is in the memory."""

    def __init__(self, network: Any) -> None:
        """Raises ConfigError for a backbone whose attention is not the one that is done here."""
        self._network = network
        self._language = network.model.language_model
        self._embed = network.get_input_embeddings()
        self._config = network.config.text_config
        _check_attention(self._config)
        self._image_id: int = network.config.image_token_id
        self._like: Tensor = network.model.image_newline
        # On a GPU launches cost more than padding; on a CPU it is the other way round.
        self.prefers_grid = self._like.device.type != "cpu"

    @property
    def token_bytes(self) -> int:
        """Bytes of key-value memory that one position takes."""
        return token_bytes(self._config, self._like.dtype)

    def reserve(self, *, num_slots: int, slot_tokens: int) -> SlotMemory:
        """Take key-value memory. Raises torch's out-of-memory errors."""
        return SlotMemory(
            self._config, num_slots=num_slots, slot_tokens=slot_tokens, like=self._like, as_grid=self.prefers_grid
        )

    def is_alive(self) -> bool:
        """Whether the device still computes."""
        try:
            return int(torch.ones(2, device=self._like.device).sum()) == 2
        except RuntimeError:
            return False

    def prefill(self, seats: Sequence[Seat], memory: SlotMemory) -> None:
        """Read the prompts (and drafts) of rows, all in one pass, and choose what follows."""
        self._read(seats, memory, as_grid=False)

    def extend(self, seats: Sequence[Seat], memory: SlotMemory) -> None:
        """Read what is new in rows whose prompts are read, and choose what follows."""
        with one_thread_if_narrow(self._config.hidden_size, self._like.device):
            self._read(seats, memory, as_grid=self.prefers_grid)

    def _read(self, seats: Sequence[Seat], memory: SlotMemory, *, as_grid: bool) -> None:
        segments, embedded, positions = [], [], []
        for seat in seats:
            inputs_LD = self._embedded(seat.row)
            segments.append(Segment(seat.slot, seat.row.num_read, len(inputs_LD)))
            embedded.append(inputs_LD)
            positions += seat.row.positions(seat.row.num_read, len(inputs_LD))
        step = memory.plan(segments, positions, as_grid=as_grid)
        with announced(memory, step, self._config):
            states_1ND = self._language(
                inputs_embeds=torch.cat(embedded)[None],
                position_ids=step.positions_1N,
                past_key_values=memory,
                use_cache=True,
                slot_step=step,
            ).last_hidden_state
        scores = Scores(self._network.lm_head(states_1ND[0, _places(seats, segments, self._like.device)]))
        for seat in seats:
            seat.row.note_read()
        choose([seat.row for seat in seats], scores)

    def _embedded(self, row: Row) -> Tensor:
        ids = torch.tensor(row.unread, device=self._like.device)
        embedded_LD: Tensor = self._embed(ids)
        if row.num_read >= len(row.prompt_ids):
            return embedded_LD
        places = ids == self._image_id
        # What the model says is never an image, whatever its id.
        places[len(row.prompt_ids) - row.num_read :] = False
        num_visual = int(places.sum())
        assert num_visual <= len(row.visual_LD), (num_visual, len(row.visual_LD))
        # Those before are read already, with the prefix that another row has in common.
        embedded_LD[places] = row.visual_LD[len(row.visual_LD) - num_visual :].to(embedded_LD.dtype)
        return embedded_LD


def _check_attention(config: Any) -> None:
    """One kind of attention in all layers, plain softmax: anything else would be answered wrongly and in silence."""
    kinds = set(getattr(config, "layer_types", None) or ())
    if len(kinds) > 1:
        raise ConfigError(
            f"a {config.model_type} backbone of mixed attention ({', '.join(sorted(kinds))}) can't be run"
        )
    if getattr(config, "attn_logit_softcapping", None):
        raise ConfigError(f"a {config.model_type} backbone with capped attention can't be run")


class Scores:
    """What the network thinks of every token at each place where something is chosen."""

    def __init__(self, logits_PV: Tensor) -> None:
        self._logits_PV = logits_PV.float()
        best_P, token_P = self._logits_PV.max(dim=-1)
        self._norm_P = self._logits_PV.logsumexp(dim=-1)
        self.tokens: list[int] = token_P.tolist()
        self.logprobs: list[float] = (best_P - self._norm_P).tolist()
        # A sum over one that is not finite is not finite either, unless it is -inf; then the best still tells.
        self.are_finite: list[bool] = (torch.isfinite(self._norm_P) & torch.isfinite(best_P)).tolist()

    def best_of(self, places: Sequence[int], masks: Sequence[NDArray[np.bool_]]) -> list[tuple[int, float]]:
        """The best allowed token at each of some places, with its log-probability among all tokens."""
        width = self._logits_PV.shape[1]
        allowed_PV = np.zeros((len(masks), width), np.bool_)
        for allowed_V, mask in zip(allowed_PV, masks, strict=True):
            # The head is often padded beyond the tokenizer, and those tokens are never allowed.
            allowed_V[: len(mask)] = mask[:width]
        index_P = torch.tensor(places, device=self._logits_PV.device)
        allowed = torch.from_numpy(allowed_PV).to(self._logits_PV.device)
        best_P, token_P = self._logits_PV[index_P].masked_fill(~allowed, -torch.inf).max(dim=-1)
        return list(zip(token_P.tolist(), (best_P - self._norm_P[index_P]).tolist(), strict=True))


def choose(rows: Sequence[Row], scores: Scores) -> None:
    """Let every row take what the network says, as far along its draft as they agree.

    The network's favourite is tried first; a mask is made only for rows whose grammar refuses it.
    """
    first = 0
    offsets = []
    for row in rows:
        offsets.append(first)
        first += 1 + len(row.draft)
    open_rows = list(range(len(rows)))
    while open_rows:
        refused = [index for index in open_rows if _follow(rows[index], offsets[index], scores)]
        masks = [(index, mask) for index in refused if (mask := rows[index].allowed()) is not None]
        open_rows = [index for index, _ in masks]
        if not masks:
            return
        places = [offsets[index] + _place(rows[index]) for index in open_rows]
        for index, (token, logprob) in zip(open_rows, scores.best_of(places, [m for _, m in masks]), strict=True):
            rows[index].choose(token, logprob)


def _follow(row: Row, offset: int, scores: Scores) -> bool:
    """Take favourites until the draft or the answer is at its end, or the grammar refuses one; then say True."""
    while (place := row.next_place()) is not None:
        at = offset + place
        if not scores.are_finite[at]:
            row.fail(ModelFailed("the model's scores are not finite"))
        elif row.allows(scores.tokens[at]):
            row.choose(scores.tokens[at], scores.logprobs[at])
        else:
            return True
    return False


def _place(row: Row) -> int:
    place = row.next_place()
    assert place is not None, "a row that has nothing to choose"
    return place


def _places(seats: Sequence[Seat], segments: Sequence[Segment], device: torch.device) -> Tensor:
    """Where in the packed pass something is chosen: after each row's last answer token and each draft token."""
    places: list[int] = []
    end = 0
    for seat, segment in zip(seats, segments, strict=True):
        end += segment.count
        places.extend(range(end - 1 - len(seat.row.draft), end))
    return torch.tensor(places, device=device)
