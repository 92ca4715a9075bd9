"""The local engine: a LLaVA-NeXT on this machine's CPU or GPU, in batches, equal to `generate` token for token."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Completion, EngineProfile, Request, StopReason, TokenTrace
from llava_ocr.engines.decode import Decoder
from llava_ocr.engines.pieces import pieces_of
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.engines.row import Constraint, Row
from llava_ocr.engines.vision import Vision
from llava_ocr.errors import EngineError, EngineOutOfMemory, ExtractionError, PromptTooLong
from llava_ocr.models.load import LoadedModel

# Tiles through the vision tower at once: enough to fill a GPU, few enough for a laptop's memory.
_TILES_PER_PASS = {"cuda": 64, "cpu": 8}


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A request that fits the context, its prompt as tokens."""

    index: int
    request: Request
    prompt_ids: list[int]
    max_new_tokens: int


class LocalEngine:
    """A loaded LLaVA-NeXT behind the engine protocol. Calls from several threads wait for each other."""

    def __init__(
        self, model: LoadedModel, *, compile_grammar: Callable[[Grammar], Constraint], max_batch: int = 16
    ) -> None:
        """`max_batch` requests are decoded together; fewer where the device's memory does not hold as many."""
        network = model.network
        self._profile = model.profile
        self._compile_grammar = compile_grammar
        self._max_batch = max_batch
        self._prompts = PromptEncoder(model)
        self._pieces = pieces_of(model.tokenizer)
        self._decoder = Decoder(network)
        self._vision = Vision(
            network,
            pixel_mean=model.pixel_mean,
            pixel_std=model.pixel_std,
            max_tiles=_TILES_PER_PASS.get(network.model.image_newline.device.type, 8),
        )
        self._end_ids = _end_ids(model)
        self._lock = threading.Lock()

    @property
    def profile(self) -> EngineProfile:
        """What pages must look like for this model."""
        return self._profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order; what fails for one alone is its completion's `error`."""
        completions: dict[int, Completion] = {}
        prepared: list[_Prepared] = []
        with self._lock, torch.inference_mode():
            for index, request in enumerate(requests):
                try:
                    prepared.append(self._prepare(index, request))
                except ExtractionError as error:
                    completions[index] = failed(request, error)
            # Rows of like length share a batch: less padding, and they end at about the same time.
            prepared.sort(key=lambda one: len(one.prompt_ids))
            for start in range(0, len(prepared), self._max_batch):
                batch = prepared[start : start + self._max_batch]
                completions.update(zip((one.index for one in batch), self._answer(batch), strict=True))
        return [completions[index] for index in range(len(requests))]

    def close(self) -> None:
        """Free the device's memory; the engine can't be used afterwards."""
        del self._decoder, self._vision
        _free_memory()

    def _prepare(self, index: int, request: Request) -> _Prepared:
        prompt_ids = self._prompts.encode(request)
        room = self._profile.context_tokens - len(prompt_ids)
        if room < 1:
            raise PromptTooLong(
                f"request {request.id}: {len(prompt_ids):,} prompt tokens, "
                f"the context of {self._profile.name} holds {self._profile.context_tokens:,}"
            )
        return _Prepared(index, request, prompt_ids, min(request.max_new_tokens, room))

    def _answer(self, batch: Sequence[_Prepared]) -> list[Completion]:
        """Answer a batch; where memory runs out, its halves one after the other."""
        try:
            return self._answer_together(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise EngineError(f"the model failed: {type(error).__name__}") from error
        # Outside of the handler, whose traceback holds on to the tensors.
        _free_memory()
        if len(batch) == 1:
            [one] = batch
            message = f"request {one.request.id}: {len(one.prompt_ids):,} prompt tokens do not fit the device alone"
            return [failed(one.request, EngineOutOfMemory(message))]
        half = len(batch) // 2
        return [*self._answer(batch[:half]), *self._answer(batch[half:])]

    def _answer_together(self, batch: Sequence[_Prepared]) -> list[Completion]:
        visual = iter(self._vision.encode([raster for one in batch for raster in one.request.rasters]))
        rows = []
        for one in batch:
            pages = [next(visual) for _ in one.request.rasters]
            rows.append(self._row(one, torch.cat(pages) if pages else self._vision.nothing))
        self._decoder.decode(rows)
        return [self._completion(one, row) for one, row in zip(batch, rows, strict=True)]

    def _row(self, one: _Prepared, visual_LD: torch.Tensor) -> Row:
        row = Row(one.prompt_ids, visual_LD, one.max_new_tokens, self._end_ids, constraint=None)
        if one.request.grammar is not None:
            try:
                row.constraint = self._compile_grammar(one.request.grammar)
            except ExtractionError as error:
                row.fail(error)
        return row

    def _completion(self, one: _Prepared, row: Row) -> Completion:
        if row.error is not None:
            return failed(one.request, row.error, num_prompt_tokens=len(one.prompt_ids))
        assert row.stop_reason is not None, "row left unfinished"
        text, trace = row.read_out(self._pieces)
        return Completion(
            request_id=one.request.id,
            text=text,
            stop_reason=row.stop_reason,
            num_prompt_tokens=len(one.prompt_ids),
            num_new_tokens=len(row.tokens),
            num_forced_tokens=sum(row.forced),
            trace=trace,
        )


def failed(request: Request, error: ExtractionError, *, num_prompt_tokens: int = 0) -> Completion:
    """Make the completion of a request that could not be answered."""
    return Completion(request.id, "", StopReason.CANCELLED, num_prompt_tokens, 0, trace=TokenTrace(), error=error)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out: torch has a class for devices, and only a message for the CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def _end_ids(model: LoadedModel) -> frozenset[int]:
    stated = model.network.generation_config.eos_token_id
    if stated is None:
        stated = model.tokenizer.eos_token_id
    if stated is None:
        return frozenset()
    return frozenset([stated] if isinstance(stated, int) else stated)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
