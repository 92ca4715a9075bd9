"""Turns a page's tile features into the sequence that the language model reads, as LLaVA-NeXT packs them.

Unlike transformers' `pack_image_features`, the grid is given, not looked up among the model's own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size
from llava_ocr.tiles.plan import kept_patches

# T tiles (the overview first), P patches of a tile, D width, L visual tokens of a page, S patches on a tile's side


def pack(features_TPD: Tensor, newline_D: Tensor, *, grid: Grid, size: Size) -> Tensor:
    """Lay the tiles side by side, take the padding around a page of shape `size` off, and end each row of patches
    with the newline; the overview comes first. Returns `[L, D]`, L as `plan.num_visual_tokens` counts."""
    overview_PD, width = features_TPD[0], features_TPD.shape[-1]
    if grid == OVERVIEW_ONLY:
        return torch.cat([overview_PD, newline_D[None]])
    side = round(overview_PD.shape[0] ** 0.5)
    tiled = features_TPD[1:].reshape(grid.rows, grid.cols, side, side, width)
    page_HWD = tiled.transpose(1, 2).reshape(grid.rows * side, grid.cols * side, width)
    kept = kept_patches(grid, size, side)
    top, left = (page_HWD.shape[0] - kept.height) // 2, (page_HWD.shape[1] - kept.width) // 2
    unpadded_HWD = page_HWD[top : top + kept.height, left : left + kept.width]
    ends_HD = newline_D.expand(kept.height, 1, width)
    return torch.cat([overview_PD, torch.cat([unpadded_HWD, ends_HD], dim=1).flatten(0, 1)])
