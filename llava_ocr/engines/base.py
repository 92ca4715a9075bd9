"""What every engine takes and returns. Engines are the only code that knows which model runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.errors import ExtractionError
from llava_ocr.geometry import Grid
from llava_ocr.prompts import Prompt, PromptForm
from llava_ocr.schema import GroupNode
from llava_ocr.tiles.tiled import TiledRaster


class StopReason(StrEnum):
    """Why a completion ended."""

    END = "end"
    LENGTH = "length"
    CANCELLED = "cancelled"


class Blanks(StrEnum):
    """What becomes of a page's blank paper: KEEP it, as the model was trained; SQUEEZE blank bands out before the page
    is cut; DROP the visual tokens of blank patches after the vision tower."""

    KEEP = "keep"
    SQUEEZE = "squeeze"
    DROP = "drop"


@dataclass(frozen=True)
class Request:
    """One question about one page (or a few): `prompt.user` holds one `<image>` mark for each raster.

    `guess` is a likely answer in the form of the real one; it can make an engine faster and never changes a model's
    answer. An engine that answers by rules has no other.
    `document_id` says whose page it is and `asked` which part of the schema is asked for, where that is not all of it;
    no engine looks at them.
    """

    id: str
    prompt: Prompt
    rasters: tuple[TiledRaster, ...]
    grammar: Grammar | None
    max_new_tokens: int
    guess: str = ""
    document_id: str = ""
    asked: GroupNode | None = None


@dataclass(frozen=True)
class TokenTrace:
    """The answer's tokens: where each ends in `Completion.text` (in characters), how likely it was, whether forced.

    `logprobs[i]` is conditioned on the prompt and the tokens before it, over the whole vocabulary: what the network
    itself thinks, whatever the grammar allows. A forced token has 0.0. Engines that do not tell leave the trace empty.
    """

    ends: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    forced: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Completion:
    """An engine's answer to one request. `error` is set instead of `text` where this request alone failed.

    `seconds` is its share of the engine's time, where somebody measured it. `saved_s` is set where the answer was known
    before: what it took when it was made.
    """

    request_id: str
    text: str
    stop_reason: StopReason
    num_prompt_tokens: int
    num_new_tokens: int
    num_forced_tokens: int = 0
    trace: TokenTrace = field(default_factory=TokenTrace)
    error: ExtractionError | None = None
    seconds: float = 0.0
    saved_s: float | None = None


@dataclass(frozen=True)
class EngineProfile:
    """What the pages must be prepared for. Comes with the model (its card), never from the pipeline.

    `grids` are the grids offered to a page whose words are not in the prompt; `anchored_grids` those for a page whose
    words are. `OVERVIEW_ONLY` is allowed in either. `patches_per_side` is per tile.
    A model that does not read lists is not asked for them: rules over the page's words read them in its place.
    `max_pages` is how many pages one request may show, where they have room together.
    One that `answers_by_rules` has no model: its answer is what the rulebook reads.
    `blanks` is an order for this engine, not the model's word; where it is not KEEP the fingerprint is another.
    """

    name: str
    fingerprint: str
    tile_px: int
    patches_per_side: int
    context_tokens: int
    grids: tuple[Grid, ...]
    anchored_grids: tuple[Grid, ...]
    takes_grammar: bool
    takes_words: bool = True
    prompt_form: PromptForm = PromptForm.READ
    reads_lists: bool = True
    blanks: Blanks = Blanks.KEEP
    max_pages: int = 1
    answers_by_rules: bool = False


class Engine(Protocol):
    """A model behind one batch method."""

    @property
    def profile(self) -> EngineProfile:
        """What pages must look like for this engine."""
        ...

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order. One request's failure is its completion's `error`; raises EngineError
        only when none can be answered."""
        ...

    def close(self) -> None:
        """Free the device, stop the children, close the connections."""
        ...
