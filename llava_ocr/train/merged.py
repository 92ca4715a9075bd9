"""From a run's checkpoint to a model folder: adapters merged, in bf16, loadable by stock transformers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from llava_ocr.models.load import load
from llava_ocr.models.locate import locate
from llava_ocr.train.checkpoint import load_checkpoint
from llava_ocr.train.parts import add_adapters, merge_adapters
from llava_ocr.train.tuning import Decoder, TuneRecipe

# What a folder holds beside weights and configuration: tokenizer, processor, chat template, profile.
_KEPT = ("*.json", "*.jinja", "*.model", "*.txt")


def ship_tuned(init: str, recipe: TuneRecipe, checkpoint: Path, folder: Path) -> None:
    """Write the tuned model to `folder`. Adapters of a 4-bit decoder are merged into the weights as they were."""
    model = load(init, precision="bf16", device="cpu")
    network = model.network
    if recipe.decoder in (Decoder.LORA, Decoder.QLORA):
        add_adapters(network, recipe)
    take_weights(network, load_checkpoint(checkpoint)[1]["model"])
    if recipe.decoder in (Decoder.LORA, Decoder.QLORA):
        merge_adapters(network)
    folder.mkdir(parents=True, exist_ok=True)
    source = locate(init, may_download=False)
    for path in sorted({path for pattern in _KEPT for path in source.glob(pattern)}):
        if not path.name.endswith(".index.json"):
            shutil.copyfile(path, folder / path.name)
    network.save_pretrained(folder, max_shard_size="5GB")


def take_weights(network: Any, trained: dict[str, torch.Tensor]) -> None:
    """Copy a checkpoint's weights into a network of the same recipe."""
    weights = dict(network.named_parameters())
    with torch.no_grad():
        for name, weight in trained.items():
            weights[name].copy_(weight)
