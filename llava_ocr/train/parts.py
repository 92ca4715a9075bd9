"""Which weights of a LLaVA-NeXT a recipe trains: the others are frozen; adapters are put in, and merged to ship."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW

from llava_ocr.errors import ConfigError, MissingExtra
from llava_ocr.models.load import LoadedModel, Precision, choose_device, load
from llava_ocr.train.tuning import Decoder, Projector, TuneRecipe

# The vision tower has layers of the same names: adapters are for the decoder's alone.
_ADAPTED = r".*language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


def open_model(init: str, recipe: TuneRecipe, *, device: str = "auto") -> LoadedModel:
    """Load the checkpoint called `init` and make it ready for a recipe. Raises as `models.load.load`, and ConfigError
    or MissingExtra where the recipe can't be met on this machine."""
    placed = choose_device(device)
    if recipe.decoder is Decoder.QLORA and placed.type != "cuda":
        raise ConfigError(
            "this recipe holds the decoder in 4 bits (nf4), which needs a CUDA device, and here training runs on "
            f"{placed.type}; take tune_lora"
        )
    if recipe.decoder in (Decoder.LORA, Decoder.QLORA):
        check_adapters_are_there()
    model = load(init, precision=_held(recipe, placed), device=device)
    prepare(model.network, recipe)
    return model


def check_adapters_are_there() -> None:
    """Raise MissingExtra where peft is not installed."""
    if importlib.util.find_spec("peft") is None:
        raise MissingExtra("adapters need the package peft: pip install 'llava-ocr[train]'")


def prepare(network: Any, recipe: TuneRecipe) -> None:
    """Put adapters in and freeze what the recipe leaves alone; what is trained is held in fp32."""
    network.requires_grad_(False)
    if recipe.decoder in (Decoder.LORA, Decoder.QLORA):
        add_adapters(network, recipe)
    core = network.model
    projector = core.multi_modal_projector
    _thaw(projector.linear_1 if recipe.projector is Projector.FIRST_LAYER else projector)
    if recipe.decoder is Decoder.FULL:
        _thaw(core.language_model)
        _thaw(network.lm_head)
        core.image_newline.requires_grad_(True)
        core.image_newline.data = core.image_newline.data.float()
    if recipe.is_vision_trained:
        _thaw(core.vision_tower)
    if recipe.saves_memory:
        network.activation_checkpointing_enable()


def add_adapters(network: Any, recipe: TuneRecipe) -> None:
    """Put fresh adapters, always the same, on the decoder's linear layers; the class of the network stays."""
    # Optional: only adapters need it.
    from peft import LoraConfig, inject_adapter_in_model

    shape = recipe.lora
    torch.manual_seed(recipe.seed)
    inject_adapter_in_model(
        LoraConfig(r=shape.rank, lora_alpha=shape.alpha, lora_dropout=shape.dropout, target_modules=_ADAPTED), network
    )


def merge_adapters(network: Any) -> None:
    """Add every adapter to the layer that it is on, and take it off: a plain network, which answers the same."""
    from peft.tuners.lora import LoraLayer

    for path, layer in [(path, layer) for path, layer in network.named_modules() if isinstance(layer, LoraLayer)]:
        layer.merge()
        parent, _, name = path.rpartition(".")
        setattr(network.get_submodule(parent), name, layer.get_base_layer())


def optimizer(network: Any, recipe: TuneRecipe) -> AdamW:
    """Give the trained weights their learning rates; norms, biases and single vectors are not decayed."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for rate, weight in _rated(network, recipe):
        decay = recipe.weight_decay if weight.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(weight)
    listed = [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]
    return AdamW(listed, betas=(0.9, 0.999))


def _rated(network: Any, recipe: TuneRecipe) -> Iterator[tuple[float, nn.Parameter]]:
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            is_projector = "multi_modal_projector" in name or name.endswith("image_newline")
            rate = recipe.vision_lr if "vision_tower" in name else recipe.lr
            yield (recipe.projector_lr if is_projector else rate), weight


def _held(recipe: TuneRecipe, device: torch.device) -> Precision:
    if recipe.decoder is Decoder.QLORA:
        return Precision.NF4
    return Precision.BF16 if device.type == "cuda" else Precision.FP32


def _thaw(part: nn.Module) -> None:
    # In bf16 an update of a thousandth of a weight would be lost.
    part.float()
    part.requires_grad_(True)
