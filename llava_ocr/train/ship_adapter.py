"""Write what was trained, and only that: adapters, vision tower and projector; the base comes from a package."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from llava_ocr.models.adapter import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    BASE_NAME,
    NEW_ROWS,
    VISION_WEIGHTS,
    BaseFile,
)

_ADAPTED = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[AB])\.\w+\.weight")
_VISION = ("model.vision_tower.", "model.multi_modal_projector.", "model.image_newline")
# What a model's folder holds beside its weights.
_KEPT = ("*.json", "*.jinja")


def ship_adapter(network: Any, source: Path, folder: Path, *, base: BaseFile) -> None:
    """Write the adapters of a network (see `parts.add_adapters`), its tower and projector, in bf16, to `folder`.

    `source` is the folder of the model that the adapters were put on; tokenizer, processor and profile are its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted({path for pattern in _KEPT for path in source.glob(pattern)}):
        if not path.name.endswith(".index.json"):
            shutil.copyfile(path, folder / path.name)
    (folder / BASE_NAME).write_text(base.model_dump_json(indent=2) + "\n")
    weights = network.state_dict()
    adapters = {
        f"base_model.model.{found['layer']}.lora_{found['side']}.weight": weight.to(torch.bfloat16).contiguous()
        for name, weight in weights.items()
        if (found := _ADAPTED.fullmatch(name))
    }
    save_file(adapters, folder / ADAPTER_WEIGHTS)
    (folder / ADAPTER_CONFIG).write_text(json.dumps(_peft_config(network, base), indent=2) + "\n")
    vision = {name: weight for name, weight in weights.items() if name.startswith(_VISION)}
    # Copies: tied tables share their memory, which safetensors refuses to write.
    vision |= {new: weights[table][base.num_tokens :].clone() for table, new in NEW_ROWS.items()}
    save_file(
        {name: weight.to(torch.bfloat16).contiguous() for name, weight in vision.items()}, folder / VISION_WEIGHTS
    )


def _peft_config(network: Any, base: BaseFile) -> dict[str, Any]:
    from peft.tuners.lora import LoraLayer

    layers = {path: layer for path, layer in network.named_modules() if isinstance(layer, LoraLayer)}
    assert layers, "no adapters on this network"
    first = next(iter(layers.values()))
    [name] = first.r
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.requirement,
        "r": first.r[name],
        "lora_alpha": first.lora_alpha[name],
        "target_modules": sorted({path.rpartition(".")[2] for path in layers}),
        "inference_mode": True,
    }
