"""From tiles to the visual tokens of a prompt in training: differentiable, equal to transformers' own forward."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import LlavaNextForConditionalGeneration

from llava_ocr.engines.pack import pack
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.train.ship import IMAGE_MEAN, IMAGE_STD

# T tiles, the overview first, H W tile pixels, C channels, P patches of a tile, D width, L tokens


def pixels_of(raster: TiledRaster) -> Tensor:
    """Return the overview and the tiles as the tower takes them, `[T, C, H, W]`: white paper is 0."""
    return normalized(torch.from_numpy(np.concatenate([raster.overview_HWC[None], raster.tiles_NHWC])))


def normalized(tiles_THWC: Tensor) -> Tensor:
    """Turn uint8 tiles into what the tower takes, `[T, C, H, W]`."""
    return tiles_THWC.permute(0, 3, 1, 2).float().div(255).sub(IMAGE_MEAN).div(IMAGE_STD)


def see(model: LlavaNextForConditionalGeneration, pixels_TCHW: Tensor) -> Tensor:
    """Return the projected features of every patch, `[T, P, D]`."""
    core = model.model
    states = core.vision_tower(pixels_TCHW, output_hidden_states=True).hidden_states
    # CLIP's class token comes first and fits no grid.
    features_TPD: Tensor = core.multi_modal_projector(states[model.config.vision_feature_layer][:, 1:])
    return features_TPD


def embed_with_tiles(
    model: LlavaNextForConditionalGeneration, tokens_L: Tensor, features_TPD: Tensor, raster: TiledRaster
) -> Tensor:
    """Embed the tokens, with the packed tiles in the places held for them: `[L, D]`."""
    embedded_LD: Tensor = model.get_input_embeddings()(tokens_L)
    newline_D = model.model.image_newline
    packed_LD = pack(features_TPD, newline_D.to(features_TPD.dtype), grid=raster.grid, size=raster.unpad_size)
    is_visual_L = tokens_L == model.config.image_token_id
    assert int(is_visual_L.sum()) == len(packed_LD), (int(is_visual_L.sum()), len(packed_LD))
    return embedded_LD.masked_scatter(is_visual_L[:, None], packed_LD.to(embedded_LD.dtype))
