"""LLaVA's own format of instructions: a JSON list of images with conversations.

`[{"id": ..., "image": "a.jpg", "conversations": [{"from": "human", "value": "<image>\\n..."}, {"from": "gpt", ...}]}]`
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from llava_ocr.errors import BadTrainingData
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.tiles.cut import cut_stock
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.train.sources import shuffled
from llava_ocr.train.turns import TiledExample, Turn, TurnEncoder

# Images do not say how large they were printed; nothing here asks.
_UNKNOWN_DPI = 72.0
_SPEAKERS = ("human", "gpt")


@dataclass(frozen=True)
class Conversation:
    """Questions and answers about an image, or about none; `line` is where it stands in its file."""

    image: Path | None
    turns: tuple[Turn, ...]
    line: int


def read_conversations(path: Path) -> list[Conversation]:
    """Read a file of conversations; images lie relative to it. Raises BadTrainingData with the line at fault."""
    found = [_conversation(item, path, line) for line, item in items(path)]
    if not found:
        raise BadTrainingData(f"{path}: holds no conversation")
    return found


def items(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the objects of a JSON list, or of JSON lines, each with its line's number. Raises BadTrainingData."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTrainingData(f"{path}: can't be read: {type(error).__name__}") from None
    decoder = json.JSONDecoder()
    # Opening, closing and commas of the list are skipped alike: what stands between is checked object by object.
    place, line = _next_item(text, 0), 1
    counted = 0
    while place < len(text):
        line += text.count("\n", counted, place)
        counted = place
        try:
            item, end = decoder.raw_decode(text, place)
        except ValueError as error:
            fault = error.msg if isinstance(error, json.JSONDecodeError) else "is no JSON"
            raise BadTrainingData(f"{path}, line {line}: {fault}") from None
        yield line, item
        place = _next_item(text, end)


class Conversations:
    """A source: the conversations of a file, in a new order each time round, their images cut as stock LLaVA does."""

    def __init__(self, conversations: list[Conversation], model: LoadedModel, *, path: Path, seed: int) -> None:
        self._listed, self._path, self._seed = conversations, path, seed
        self._encoder = TurnEncoder(model)
        self._pinpoints = model.network.config.image_grid_pinpoints
        self._tile_px = model.profile.tile_px

    def example(self, number: int) -> TiledExample:
        """Encode one conversation. Raises BadTrainingData where its image can't be read."""
        conversation = self._listed[shuffled(number, len(self._listed), seed=self._seed)]
        rasters = () if conversation.image is None else (self._raster(conversation.image, conversation.line),)
        return self._encoder.encode(conversation.turns, rasters)

    def _raster(self, path: Path, line: int) -> TiledRaster:
        try:
            with Image.open(path) as image:
                pixels_HWC = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise BadTrainingData(f"{self._path}, line {line}: its image: {type(error).__name__}") from None
        return cut_stock(pixels_HWC, self._pinpoints, tile_px=self._tile_px, dpi=_UNKNOWN_DPI)


def _next_item(text: str, place: int) -> int:
    while place < len(text) and (text[place].isspace() or text[place] in "[],"):
        place += 1
    return place


def _conversation(item: Any, path: Path, line: int) -> Conversation:
    where = f"{path}, line {line}"
    if not isinstance(item, dict) or not isinstance(item.get("conversations"), list):
        raise BadTrainingData(f'{where}: is no object with a list "conversations"')
    said = [_said(turn, _SPEAKERS[number % 2], where) for number, turn in enumerate(item["conversations"])]
    if not said or len(said) % 2:
        raise BadTrainingData(f"{where}: questions and answers must come in pairs")
    image = item.get("image")
    if image is None:
        if any(IMAGE_MARK in text for text in said):
            raise BadTrainingData(f'{where}: {IMAGE_MARK} without an "image"')
        return Conversation(None, _turns(said), line)
    if not isinstance(image, str) or not (path.parent / image).is_file():
        raise BadTrainingData(f"{where}: there is no such image beside the file")
    if [text.count(IMAGE_MARK) for text in said] != [1, *[0] * (len(said) - 1)]:
        raise BadTrainingData(f"{where}: the first question, and nothing else, must hold {IMAGE_MARK} once")
    return Conversation(path.parent / image, _turns(said), line)


def _said(turn: Any, speaker: str, where: str) -> str:
    if not isinstance(turn, dict) or turn.get("from") != speaker or not isinstance(turn.get("value"), str):
        raise BadTrainingData(f'{where}: turns must alternate, "human" first, each with "from" and "value"')
    if speaker == "gpt" and not turn["value"].strip():
        raise BadTrainingData(f"{where}: an answer is empty")
    return str(turn["value"])


def _turns(said: list[str]) -> tuple[Turn, ...]:
    return tuple(Turn(user, answer.strip()) for user, answer in zip(said[::2], said[1::2], strict=True))
