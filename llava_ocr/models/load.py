"""Loads a LLaVA-NeXT checkpoint in the precision and on the device that this machine has."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BitsAndBytesConfig, LlavaNextForConditionalGeneration
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.utils import logging as transformers_logging

from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import ConfigError, EngineOutOfMemory, MissingExtra, ModelNotFound
from llava_ocr.machine import num_cores
from llava_ocr.models.chat import ChatFormat
from llava_ocr.models.fingerprint import fingerprint
from llava_ocr.models.locate import locate
from llava_ocr.models.profile import read_card
from llava_ocr.models.quantized import Fp8Linear, Int8Linear, quantize

_LOG = logging.getLogger(__name__)

# Raise when the engine's own arithmetic changes answers: it is part of every engine's fingerprint.
ENGINE_VERSION = "1"


class Precision(StrEnum):
    """How weights are held. nf4, and int8 on a GPU, are bitsandbytes'; int8 on a CPU and fp8 (Hopper and Ada GPUs)
    are our own linear layers, which round inputs, too."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    FP8 = "fp8"
    INT8 = "int8"
    NF4 = "nf4"


# Compute capability of Ada; Hopper is 9.0.
_FP8_CAPABILITY = (8, 9)
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


# Held in full where the decoder is quantized: what reads the pixels is small beside it, and small print needs every
# bit; training thaws the projector. Names as transformers matches them, which is from the front: a bare
# "vision_tower" would match nothing, and be quantized.
WHOLE = ("lm_head", "model.multi_modal_projector", "model.vision_tower")


def load(name: str, *, precision: str = "auto", device: str = "auto", may_download: bool = True) -> LoadedModel:
    """Load the model called `name` (see `locate`).

    Raises ModelNotFound, ConfigError or MissingExtra where the order can't be met, EngineOutOfMemory where the
    weights don't fit.
    """
    placed = choose_device(device)
    held = choose_precision(precision, placed)
    reason = usual_precision(placed)[1] if precision == "auto" else "as ordered"
    _LOG.info("%s runs on %s as %s: %s", name, placed, held, reason)
    folder = locate(name, may_download=may_download)
    arithmetic = held if held in _DTYPES else f"{held} decoder on {placed.type}"
    card = read_card(folder, name=name, fingerprint=fingerprint(folder, ENGINE_VERSION, arithmetic))
    network = _load_network(folder, held, placed)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    pixels = LlavaNextImageProcessorPil.from_pretrained(folder, local_files_only=True)
    if placed.type == "cpu":
        _use_own_cores()
    return LoadedModel(network, tokenizer, card.profile, card.chat, tuple(pixels.image_mean), tuple(pixels.image_std))


def describe_device(device: str, precision: str) -> tuple[str, bool]:
    """Say what an engine with these settings runs on, and whether that is a GPU. Raises as `load` does."""
    placed = choose_device(device)
    held = choose_precision(precision, placed)
    if placed.type == "cpu":
        return f"CPU, {num_cores()} cores, {held}", False
    properties = torch.cuda.get_device_properties(placed)
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, {held}", True


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
        return usual_precision(device)[0]
    if order not in set(Precision):
        raise ConfigError(f"precision {order!r} is none of auto, {', '.join(Precision)}")
    precision = Precision(order)
    if precision in _DTYPES:
        return precision
    if device.type != "cuda":
        if precision is Precision.INT8:
            return precision
        raise ConfigError(f"precision {order} needs a CUDA device and this engine runs on {device.type}; use fp32")
    if precision is Precision.FP8:
        if (found := torch.cuda.get_device_capability(device)) < _FP8_CAPABILITY:
            raise ConfigError(f"precision fp8 needs a Hopper or Ada GPU; this one is of capability {found}; use bf16")
        return precision
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtra(f"precision {order} needs bitsandbytes: pip install bitsandbytes")
    return precision


def usual_precision(device: torch.device) -> tuple[Precision, str]:
    """What `auto` means on a device, and why."""
    if device.type == "cpu":
        # Four invoices by the small model on one AVX512-BF16 core: bf16 1.4 times as many pages, int8 1.2 times (a
        # single token of a model 4,096 wide: 4 times). Answers were the same; of earlier weights some were not.
        return Precision.FP32, "exact; on new CPUs bf16 and int8 are up to 1.4 times faster, and may change answers"
    if _multiplies_bf16(device):
        return Precision.BF16, "the GPU multiplies bf16 natively"
    return Precision.FP16, "the GPU has no bf16"


def _multiplies_bf16(device: torch.device) -> bool:
    # Emulated, which torch counts as well, it is slower than fp16.
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def usable_precisions(device: torch.device) -> dict[Precision, str]:
    """Every precision, and why the device can't have it; empty where it can."""
    found = {}
    for precision in Precision:
        try:
            choose_precision(precision, device)
            found[precision] = ""
        except (ConfigError, MissingExtra) as error:
            found[precision] = str(error)
    return found


def quantization(precision: Precision, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """What bitsandbytes is told: the decoder in 8 or 4 bits, computed in `dtype`, and `WHOLE` as it is; None for the
    precisions that are held as they are computed."""
    if precision is Precision.INT8:
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(WHOLE))
    if precision is Precision.NF4:
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=list(WHOLE),
        )
    return None


def _computed_in(precision: Precision, device: torch.device) -> torch.dtype:
    if precision is Precision.INT8 and device.type == "cuda":
        # LLM.int8() multiplies fp16; anything else is cast for it, layer by layer, with a line in the log each.
        return torch.float16
    return _DTYPES.get(precision) or _DTYPES[usual_precision(device)[0]]


def _load_network(folder: Path, precision: Precision, device: torch.device) -> Any:
    dtype = _computed_in(precision, device)
    order: dict[str, Any] = {"dtype": dtype}
    if device.type == "cuda":
        order["device_map"] = {"": device}
        if (told := quantization(precision, dtype)) is not None:
            order["quantization_config"] = told
    try:
        with no_progress_bar():
            network = LlavaNextForConditionalGeneration.from_pretrained(
                folder, local_files_only=True, attn_implementation="sdpa", use_safetensors=True, **order
            )
    except torch.OutOfMemoryError as error:
        raise EngineOutOfMemory(f"the weights in {folder} as {precision} don't fit {device}") from error
    except (OSError, ValueError) as error:
        raise ModelNotFound(f"the weights in {folder} can't be read: {type(error).__name__}") from error
    in_8_bits(network, precision, device)
    return network.eval()


def in_8_bits(network: Any, precision: Precision, device: torch.device) -> None:
    """Give loaded weights the 8 bits that are our own; of other precisions nothing is left to do."""
    if precision is Precision.FP8:
        quantize(network, Fp8Linear)
    elif precision is Precision.INT8 and device.type == "cpu":
        quantize(network, Int8Linear)


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keep transformers' bar off the terminal, where the command line draws its own."""
    was_enabled = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            transformers_logging.enable_progress_bar()


def _use_own_cores() -> None:
    """Use the cores that this process may run on: torch counts the machine's, which oversubscribes a container."""
    torch.set_num_threads(min(torch.get_num_threads(), num_cores()))
