"""A tiny llava-v1.6-mistral, its shapes shrunk, and what tests train it with."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from llava_ocr.models.chat import MISTRAL
from llava_ocr.models.load import LoadedModel
from llava_ocr.train.tuning import LoraShape, TuneRecipe, tune_lora
from tests.tiny.models import save_tiny, tiny_model
from tests.tiny.tokenizers import tiny_sentencepiece

CONVERSATION = [
    {"from": "human", "value": "<image>\nWhat is the total?"},
    {"from": "gpt", "value": "It is 12.50 EUR"},
    {"from": "human", "value": "And the date?"},
    {"from": "gpt", "value": "No date is printed"},
]


def tiny_mistral(*, context_tokens: int = 8192) -> LoadedModel:
    return replace(tiny_model("mistral", tiny_sentencepiece(), context_tokens=context_tokens), chat=MISTRAL)


def mistral_folder(folder: Path) -> Path:
    """Save it as the hub has it: the chat format is told by the template alone."""
    save_tiny(tiny_mistral(), folder)
    (folder / "chat_template.jinja").write_text("[INST] {{ messages }} [/INST]")
    return folder


def brief(recipe: TuneRecipe | None = None, **changes: object) -> TuneRecipe:
    small = {"steps": 4, "examples_per_step": 2, "warmup_steps": 1, "decay_steps": 2, "max_tokens": 1000,
             "checkpoint_every_s": 0.0, "lora": LoraShape(rank=2, alpha=4, dropout=0.1), "lr": 1e-2,
             "projector_lr": 1e-2, "vision_lr": 1e-2}  # fmt: skip
    return replace(recipe or tune_lora(), **(small | changes))


def write_conversations(folder: Path, count: int = 5) -> Path:
    items = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 30 + number, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        items.append({"id": str(number), "image": f"{number}.png", "conversations": CONVERSATION})
    path = folder / "talks.json"
    path.write_text(json.dumps(items, indent=1))
    return path
