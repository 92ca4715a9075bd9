"""Linear layers in 8 bits: weights rounded once, inputs row by row as they come, products in the device's 8-bit units.

A row's scale is its own, so that an answer does not depend on what else is in the batch. fp8 is for Hopper and Ada
GPUs, int8 for CPUs, where a wide model's single tokens are bound by reading weights.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

# N input rows, I O input and output width

_INT8_MAX, _FP8_MAX = 127.0, 448.0
# A row of zeros has no scale of its own.
_SMALLEST = 1e-12


class Int8Linear(nn.Module):
    """A linear layer with int8 weights and inputs."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight_OI, scale_O1 = _as_int8(linear.weight.detach().float())
        self.register_buffer("weight", weight_OI)
        self.register_buffer("scale_1O", scale_O1.t().contiguous())
        self.bias = linear.bias

    def forward(self, given: Tensor) -> Tensor:
        """Multiply, and add the bias where there is one."""
        rows_NI, scale_N1 = _as_int8(given.reshape(-1, given.shape[-1]).float())
        product_NO = (
            torch._int_mm(rows_NI, cast(Tensor, self.weight).t()).float() * scale_N1 * cast(Tensor, self.scale_1O)
        )
        return _finished(product_NO, given, self.bias)


class Fp8Linear(nn.Module):
    """A linear layer with float8 (e4m3) weights and inputs."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight_OI, scale_O1 = _as_fp8(linear.weight.detach().float())
        self.register_buffer("weight", weight_OI)
        self.register_buffer("scale_1O", scale_O1.t().contiguous())
        self.bias = linear.bias

    def forward(self, given: Tensor) -> Tensor:
        """Multiply, and add the bias where there is one."""
        rows_NI, scale_N1 = _as_fp8(given.reshape(-1, given.shape[-1]).float())
        product_NO = torch._scaled_mm(
            rows_NI,
            cast(Tensor, self.weight).t(),
            scale_a=scale_N1,
            scale_b=cast(Tensor, self.scale_1O),
            out_dtype=torch.bfloat16,
        )
        return _finished(product_NO, given, self.bias)


def quantize(network: Any, kind: type[Int8Linear] | type[Fp8Linear]) -> None:
    """Put the linear layers of a LLaVA-NeXT's language model in 8 bits, one after another, so that memory holds only
    one of them twice. Vision tower, projector, embeddings and head stay as they are: they are small, or choose."""
    language = network.model.language_model
    for name, module in list(language.named_modules()):
        if isinstance(module, nn.Linear):
            parent = language.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], kind(module))


def _finished(product_NO: Tensor, given: Tensor, bias: Tensor | None) -> Tensor:
    out = product_NO.to(given.dtype) if bias is None else (product_NO + bias).to(given.dtype)
    return out.reshape(*given.shape[:-1], -1)


def _as_int8(rows: Tensor) -> tuple[Tensor, Tensor]:
    scale = (rows.abs().amax(dim=1, keepdim=True) / _INT8_MAX).clamp_min(_SMALLEST)
    return (rows / scale).round().to(torch.int8), scale


def _as_fp8(rows: Tensor) -> tuple[Tensor, Tensor]:
    scale = (rows.abs().amax(dim=1, keepdim=True) / _FP8_MAX).clamp_min(_SMALLEST)
    return (rows / scale).to(torch.float8_e4m3fn), scale
