"""How long a device must take at least, realistically, for what a rung did: multiplications, bytes, two measured peaks.

Vision and prompts are bound by multiplying, decoding by reading weights, keys and values. The shares of the peak that
good kernels reach are assumptions: 45 % in the vision tower and in attention, 60 % in prompts, 75 % of the memory's
speed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from llava_ocr.engines.slots import Tally

_VISION, _PREFILL, _ATTENTION, _READING = 0.45, 0.60, 0.45, 0.75
_TRIES = 5


@dataclass(frozen=True)
class Peaks:
    """What a device reaches in the easiest cases: a large matrix product, a long copy."""

    flop_per_s: float
    byte_per_s: float


@dataclass(frozen=True)
class Weights:
    """A model as the arithmetic sees it. `key_bytes` are those of one position's keys and values."""

    num_tower: int
    num_language: int
    width: int
    depth: int
    patches: int
    weight_bytes: int
    key_bytes: int


def weights_of(network: Any, key_bytes: int) -> Weights:
    """Count a LLaVA-NeXT's weights; embeddings multiply nothing and are left out."""
    model, text = network.model, network.config.text_config
    vision = network.config.vision_config
    # What is held in 8 bits are buffers.
    held = [*model.language_model.named_parameters(), *model.language_model.named_buffers()]
    language = [one for name, one in held if "embed_tokens" not in name]
    head = network.lm_head.weight
    return Weights(
        num_tower=sum(
            one.numel() for part in (model.vision_tower, model.multi_modal_projector) for one in part.parameters()
        ),
        num_language=sum(one.numel() for one in language) + head.numel(),
        width=text.hidden_size,
        depth=text.num_hidden_layers,
        patches=(vision.image_size // vision.patch_size) ** 2,
        weight_bytes=sum(one.numel() * one.element_size() for one in [*language, head]),
        key_bytes=key_bytes,
    )


def modelled_s(tally: Tally, weights: Weights, peaks: Peaks) -> dict[str, float]:
    """Seconds that vision, prompts and decoding of a call take by the model, in that order."""
    vision_flop = 2.0 * weights.num_tower * weights.patches * tally.num_tiles
    prompt_flop = 2.0 * weights.num_language * tally.num_prefill_tokens
    # Every token of a prompt meets half of it on average: two products of `width` each, in every layer.
    attention_flop = 4.0 * weights.width * weights.depth * tally.num_prefill_keys
    num_passes = tally.num_forwards - tally.num_prefills
    decode_bytes = num_passes * weights.weight_bytes + tally.num_decode_keys * weights.key_bytes
    return {
        "vision": vision_flop / (_VISION * peaks.flop_per_s),
        "prefill": prompt_flop / (_PREFILL * peaks.flop_per_s) + attention_flop / (_ATTENTION * peaks.flop_per_s),
        "decode": decode_bytes / (_READING * peaks.byte_per_s),
    }


def measure_peaks(device: torch.device, dtype: torch.dtype) -> Peaks:
    """Try the device out for about a second."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    edge = 8192 if device.type == "cuda" else 1024
    one, other = (torch.randn(edge, edge, device=device, dtype=dtype) for _ in range(2))
    multiply_s = _fastest(lambda: one @ other, device, clock)
    source = torch.empty((1 << 30) if device.type == "cuda" else (1 << 27), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_s = _fastest(lambda: target.copy_(source), device, clock)
    return Peaks(2.0 * edge**3 / multiply_s, 2.0 * len(source) / copy_s)


def _fastest(act: Callable[[], object], device: torch.device, clock: Callable[[], float]) -> float:
    best = float("inf")
    for _ in range(_TRIES):
        _wait(device)
        start_s = clock()
        act()
        _wait(device)
        best = min(best, clock() - start_s)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def busy_share(act: Callable[[], object], device: torch.device) -> float:
    """The share of the time that `act` takes in which the device computes; in the rest it waits for the host.

    On a CPU it is the share of torch's own operators.
    """
    kind = torch.profiler.ProfilerActivity.CUDA if device.type == "cuda" else torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[kind]) as profiler:
        start_s = time.perf_counter()
        act()
        _wait(device)
        wall_s = time.perf_counter() - start_s
    name = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    busy_us = sum(float(getattr(event, name)) for event in profiler.key_averages())
    return min(1.0, busy_us / 1e6 / wall_s)
