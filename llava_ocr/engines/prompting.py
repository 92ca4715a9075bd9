"""From a request to its prompt's tokens, with a place for every visual token."""

from __future__ import annotations

from collections.abc import Sequence

from llava_ocr.engines.base import Request
from llava_ocr.errors import ConfigError, EngineError
from llava_ocr.models.chat import defused
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import IMAGE_MARK, Prompt
from llava_ocr.tiles.plan import num_visual_tokens
from llava_ocr.tiles.tiled import TiledRaster


class PromptEncoder:
    """Writes prompts in a model's chat format and turns them into its tokens."""

    def __init__(self, model: LoadedModel) -> None:
        """Raises ConfigError where the tokenizer does not know the image mark that the weights were trained with."""
        self._tokenizer, self._chat, self._profile = model.tokenizer, model.chat, model.profile
        self._image_id: int = model.network.config.image_token_id
        if self._tokenizer.convert_tokens_to_ids(IMAGE_MARK) != self._image_id:
            raise ConfigError(f"the tokenizer's {IMAGE_MARK} is not the model's image token {self._image_id}")
        self._marks = [*self._tokenizer.all_special_tokens, *self._chat.markers]

    def encode(self, request: Request) -> list[int]:
        """Return the prompt's tokens, one image token for each visual token of its pages. Raises EngineError."""
        self._check(request)
        return self.expand(request.prompt, [self._num_visual_tokens(raster) for raster in request.rasters])

    def expand(self, prompt: Prompt, num_visual: Sequence[int]) -> list[int]:
        """Return a prompt's tokens, with so many image tokens for each of its pages."""
        ids = self._tokenize(prompt, num_images=len(num_visual))
        counts = iter(num_visual)
        expanded: list[int] = []
        for token in ids:
            expanded.extend([token] * next(counts) if token == self._image_id else [token])
        return expanded

    def _check(self, request: Request) -> None:
        num_marks = request.prompt.opening.count(IMAGE_MARK)
        if num_marks < len(request.rasters):
            raise EngineError(f"request {request.id}: {num_marks} image marks for {len(request.rasters)} pages")
        for raster in request.rasters:
            if raster.tile_px != self._profile.tile_px:
                raise EngineError(
                    f"request {request.id}: tiles of {raster.tile_px} px, {self._profile.name} takes "
                    f"{self._profile.tile_px} px"
                )

    def _tokenize(self, prompt: Prompt, *, num_images: int) -> list[int]:
        safe = defused(prompt, self._marks, num_images=num_images)
        ids: list[int] = self._tokenizer.encode(self._chat.write(safe))
        return _with_edges(ids, self._tokenizer.bos_token_id if self._chat.starts_with_bos else None, self._end_ids())

    def _end_ids(self) -> Sequence[int]:
        return [] if self._tokenizer.eos_token_id is None else [self._tokenizer.eos_token_id]

    def _num_visual_tokens(self, raster: TiledRaster) -> int:
        return num_visual_tokens(raster.grid, raster.unpad_size, self._profile.patches_per_side)


def _with_edges(ids: list[int], begin: int | None, ends: Sequence[int]) -> list[int]:
    """Put `begin` first where it is missing; take an end that the tokenizer adds off: the answer follows."""
    while ids and ids[-1] in ends:
        ids = ids[:-1]
    return ids if begin is None or ids[:1] == [begin] else [begin, *ids]
