"""The local engine: a LLaVA-NeXT on this machine's CPU or GPU, over slots, equal to `generate` token for token."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Blanks, Completion, EngineProfile, Request, StopReason, TokenTrace
from llava_ocr.engines.decode import Decoder
from llava_ocr.engines.drafts import PageDrafter, Trust
from llava_ocr.engines.fewer import thin
from llava_ocr.engines.held import Held
from llava_ocr.engines.memory import free_memory
from llava_ocr.engines.pieces import pieces_of
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.engines.row import Constraint, Row
from llava_ocr.engines.slots import SlotLoop, Tally, Work
from llava_ocr.engines.vision import Vision
from llava_ocr.errors import DeviceLost, ExtractionError, PromptTooLong
from llava_ocr.machine import free_memory_bytes
from llava_ocr.models.load import LoadedModel, load
from llava_ocr.settings import Settings

Compile = Callable[[Grammar], Constraint]

# Tiles through the vision tower at once: enough to fill a GPU, few enough for a laptop's memory.
_TILES_PER_PASS = {"cuda": 64, "cpu": 8}
_MEMORY_SHARE = 0.8


class LocalEngine:
    """A loaded LLaVA-NeXT behind the engine protocol. Calls from several threads wait for each other."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        compile_grammar: Compile,
        max_batch: int = 16,
        limit_s: float | None = None,
        drafts: bool = True,
        blanks: Blanks = Blanks.KEEP,
        max_pages: int = 0,
    ) -> None:
        """`max_batch` requests are decoded together; fewer where the device's memory does not hold as many. One that
        is decoded for longer than `limit_s` ends with EngineTimeout. `drafts`: guess ahead from the page's words.
        `blanks` other than KEEP changes answers."""
        network = model.network
        profile = model.profile if blanks is Blanks.KEEP else _ordered(model.profile, blanks)
        self._profile = replace(profile, max_pages=max_pages or profile.max_pages)
        self._image_id: int = network.config.image_token_id
        self._compile_grammar = compile_grammar
        self._prompts = PromptEncoder(model)
        self._pieces = pieces_of(model.tokenizer)
        device = network.model.image_newline.device
        vision = Vision(
            network,
            pixel_mean=model.pixel_mean,
            pixel_std=model.pixel_std,
            max_tiles=_TILES_PER_PASS.get(device.type, 8),
        )
        self._nothing = vision.nothing
        self._loop = SlotLoop(
            Decoder(network),
            vision,
            max_slots=max_batch,
            budget_bytes=lambda: _free_bytes(device),
            limit_s=limit_s,
        )
        self._end_ids = _end_ids(model)
        self._backend = model.tokenizer.backend_tokenizer
        self._trust = Trust() if drafts else None
        self._lock = threading.Lock()
        self._unwanted: set[str] = set()
        self.last_tally = Tally()

    @property
    def profile(self) -> EngineProfile:
        """What pages must look like for this model."""
        return self._profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order; what fails for one alone is its completion's `error`. Raises DeviceLost
        where the device is gone already; where it goes midway, what was answered before stands."""
        with self._lock, torch.inference_mode():
            if not self._loop.is_alive():
                raise DeviceLost(f"{self._profile.name}: the device answers nothing any more")
            self._unwanted.clear()
            prepared = [self._prepare(request) for request in requests]
            works = [one for one in prepared if isinstance(one, Work)]
            self.last_tally = self._loop.answer(works, unwanted=self._unwanted)
        return [
            self._completion(request, one) if isinstance(one, Work) else failed(request, one)
            for request, one in zip(requests, prepared, strict=True)
        ]

    def converse(self) -> LocalConversation:
        """Begin a conversation, whose turns read only what was said since the one before."""
        return LocalConversation(self)

    def answer_turn(self, request: Request, held: Held) -> Completion:
        """Answer a turn of the conversation that `held` belongs to; as `complete` otherwise."""
        with self._lock, torch.inference_mode():
            if not self._loop.is_alive():
                raise DeviceLost(f"{self._profile.name}: the device answers nothing any more")
            self._unwanted.clear()
            prepared = self._prepare(request)
            if not isinstance(prepared, Work):
                return failed(request, prepared)
            self.last_tally = self._loop.answer_turn(prepared, held, unwanted=self._unwanted)
        return self._completion(request, prepared)

    def cancel(self, request_id: str) -> None:
        """Stop answering a request of the call that runs; its completion is what was said until then, CANCELLED."""
        self._unwanted.add(request_id)

    def close(self) -> None:
        """Free the device's memory; the engine can't be used afterwards."""
        with self._lock:
            self.__dict__.pop("_loop", None)
        free_memory()

    def _prepare(self, request: Request) -> Work | ExtractionError:
        """Ready a request, or say why it can't be answered."""
        try:
            prompt_ids = self._prompts.encode(request)
        except ExtractionError as error:
            return error
        room = self._profile.context_tokens - len(prompt_ids)
        if room < 1:
            return PromptTooLong(
                f"request {request.id}: {len(prompt_ids):,} prompt tokens, "
                f"the context of {self._profile.name} holds {self._profile.context_tokens:,}"
            )
        row = Row(prompt_ids, self._nothing, min(request.max_new_tokens, room), self._end_ids, constraint=None)
        work = Work(request.id, row, request.rasters, begin=lambda row: self._begin(row, request.grammar))
        if self._profile.blanks is Blanks.DROP:
            self._thin(work)
        if self._trust is not None:
            work.drafter = self._drafter(request, self._trust)
        return work

    def _thin(self, work: Work) -> None:
        """Take blank paper out of a prompt; the positions, and so the room for the answer, stay what they were."""
        row = work.row
        side = self._profile.patches_per_side
        prompt = thin(row.prompt_ids, work.rasters, image_id=self._image_id, patches_per_side=side)
        row.num_whole_prompt = len(row.prompt_ids)
        row.prompt_ids, row.prompt_positions, work.kept_L = prompt.ids, prompt.positions, prompt.kept_L

    def _drafter(self, request: Request, trust: Trust) -> PageDrafter:
        def spell(text: str) -> Sequence[int]:
            ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
            return ids

        return PageDrafter(guess=request.guess, page=request.prompt.user, spell=spell, pieces=self._pieces, trust=trust)

    def _begin(self, row: Row, grammar: Grammar | None) -> None:
        try:
            row.constraint = None if grammar is None else self._compile_grammar(grammar)
        except ExtractionError as error:
            row.fail(error)
        else:
            row.begin()

    def _completion(self, request: Request, work: Work) -> Completion:
        row = work.row
        if row.error is not None:
            return failed(request, row.error, num_prompt_tokens=len(row.prompt_ids))
        assert row.stop_reason is not None or work.is_cancelled, "row left unfinished"
        text, trace = row.read_out(self._pieces)
        return Completion(
            request_id=request.id,
            text=text,
            stop_reason=row.stop_reason or StopReason.CANCELLED,
            num_prompt_tokens=len(row.prompt_ids),
            num_new_tokens=len(row.tokens),
            num_forced_tokens=sum(row.forced),
            trace=trace,
        )


class LocalConversation:
    """Turns with the local engine. Others may use the engine between them."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine, self._held = engine, Held()

    def complete(self, request: Request) -> Completion:
        """Answer a turn."""
        return self._engine.answer_turn(request, self._held)

    def close(self) -> None:
        """Give the memory back."""
        self._held.drop()
        free_memory()


def open_local(settings: Settings) -> LocalEngine:
    """Load the model that the settings name. Raises ConfigError, ModelNotFound and EngineOutOfMemory."""
    model = load(settings.engine, precision=settings.precision, device=settings.device)
    num_tokens = model.network.config.text_config.vocab_size
    compiler = GrammarCompiler.for_tokenizer(model.tokenizer, num_tokens=num_tokens)
    return LocalEngine(
        model,
        compile_grammar=compiler.compile,
        max_batch=settings.batch_size,
        blanks=settings.blanks,
        max_pages=settings.pages_per_request,
    )


def failed(request: Request, error: ExtractionError, *, num_prompt_tokens: int = 0) -> Completion:
    """Make the completion of a request that could not be answered."""
    return Completion(request.id, "", StopReason.CANCELLED, num_prompt_tokens, 0, trace=TokenTrace(), error=error)


def _ordered(profile: EngineProfile, blanks: Blanks) -> EngineProfile:
    """The profile of an engine that answers otherwise, so that its records are told from the usual ones."""
    digest = hashlib.sha256(f"{profile.fingerprint} {blanks}".encode()).hexdigest()
    return replace(profile, blanks=blanks, fingerprint=digest[:16])


def _end_ids(model: LoadedModel) -> frozenset[int]:
    stated = model.network.generation_config.eos_token_id
    if stated is None:
        stated = model.tokenizer.eos_token_id
    if stated is None:
        return frozenset()
    return frozenset([stated] if isinstance(stated, int) else stated)


def _free_bytes(device: torch.device) -> int | None:
    """What key-value memory may take: most of what is free, the rest is for the passes; None where nobody can say."""
    if device.type == "cuda":
        free_bytes, _ = torch.cuda.mem_get_info(device)
        # Torch keeps what it once took; that is free for the next call, too.
        kept_bytes = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(_MEMORY_SHARE * (free_bytes + kept_bytes))
    available_bytes = free_memory_bytes()
    return None if available_bytes is None else int(_MEMORY_SHARE * available_bytes)
