"""Loads a LLaVA-NeXT checkpoint in the precision and on the device that this machine has."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BitsAndBytesConfig, LlavaNextForConditionalGeneration
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import ConfigError, EngineOutOfMemory, MissingExtra, ModelNotFound
from llava_ocr.models.chat import ChatFormat
from llava_ocr.models.fingerprint import fingerprint
from llava_ocr.models.locate import locate
from llava_ocr.models.profile import read_card

# Raise when the engine's own arithmetic changes answers: it is part of every engine's fingerprint.
ENGINE_VERSION = "1"


class Precision(StrEnum):
    """How weights are held. int8 and nf4 are bitsandbytes' and need a CUDA device."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    INT8 = "int8"
    NF4 = "nf4"


_DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """Weights on their device, with everything needed to feed them and to read their answers."""

    network: Any
    tokenizer: Any
    profile: EngineProfile
    chat: ChatFormat
    pixel_mean: tuple[float, ...]
    pixel_std: tuple[float, ...]


def load(name: str, *, precision: str = "auto", device: str = "auto", may_download: bool = True) -> LoadedModel:
    """Load the model called `name` (see `locate`).

    Raises ModelNotFound, ConfigError or MissingExtra where the order can't be met, EngineOutOfMemory where the
    weights don't fit.
    """
    placed = choose_device(device)
    held = choose_precision(precision, placed)
    folder = locate(name, may_download=may_download)
    card = read_card(folder, name=name, fingerprint=fingerprint(folder, ENGINE_VERSION, held))
    network = _load_network(folder, held, placed)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    pixels = LlavaNextImageProcessorPil.from_pretrained(folder, local_files_only=True)
    if placed.type == "cpu":
        _use_own_cores()
    return LoadedModel(network, tokenizer, card.profile, card.chat, tuple(pixels.image_mean), tuple(pixels.image_std))


def choose_device(order: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device. Raises ConfigError where there is none such."""
    if order == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if order == "cpu":
        return torch.device("cpu")
    # Parsed here: torch keeps the index in a byte, so that its cuda:256 is another card than was asked for.
    found = re.fullmatch(r"cuda(?::(\d+))?", order)
    if found is None:
        raise ConfigError(f"device {order!r} is none of auto, cpu, cuda, cuda:1")
    index = int(found[1] or 0)
    if index >= torch.cuda.device_count():
        raise ConfigError(f"device {order!r}: this machine has {torch.cuda.device_count()} CUDA devices")
    return torch.device("cuda", index)


def choose_precision(order: str, device: torch.device) -> Precision:
    """Turn an order into a precision that the device can do. Raises ConfigError or MissingExtra saying why not."""
    if order == "auto":
        return _usual_precision(device)
    if order not in set(Precision):
        raise ConfigError(f"precision {order!r} is none of auto, {', '.join(Precision)}")
    precision = Precision(order)
    if precision in _DTYPES:
        return precision
    if device.type != "cuda":
        raise ConfigError(f"precision {order} needs a CUDA device and this engine runs on {device.type}; use fp32")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtra(f"precision {order} needs bitsandbytes: pip install bitsandbytes")
    return precision


def _usual_precision(device: torch.device) -> Precision:
    # On a CPU bf16 reads prompts faster and decodes slower; answers of a few hundred tokens lose by it.
    if device.type == "cpu":
        return Precision.FP32
    return Precision.BF16 if torch.cuda.is_bf16_supported() else Precision.FP16


def _load_network(folder: Path, precision: Precision, device: torch.device) -> Any:
    order: dict[str, Any] = {"dtype": _DTYPES.get(precision, torch.bfloat16)}
    if precision is Precision.INT8:
        order["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if precision is Precision.NF4:
        order["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    if device.type == "cuda":
        order["device_map"] = {"": device}
    try:
        network = LlavaNextForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, attn_implementation="sdpa", use_safetensors=True, **order
        )
    except torch.OutOfMemoryError as error:
        raise EngineOutOfMemory(f"the weights in {folder} as {precision} don't fit {device}") from error
    except (OSError, ValueError) as error:
        raise ModelNotFound(f"the weights in {folder} can't be read: {type(error).__name__}") from error
    return network.eval()


def _use_own_cores() -> None:
    """Use the cores that this process may run on: torch counts the machine's, which oversubscribes a container."""
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(min(torch.get_num_threads(), num_cores))
