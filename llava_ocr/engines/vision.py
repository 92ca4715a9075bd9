"""From pages' pixels to visual tokens: every distinct tile goes through the vision tower once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llava_ocr.engines.pack import pack
from llava_ocr.errors import ConfigError
from llava_ocr.tiles.tiled import TiledRaster

# T distinct tiles, H W pixels, C channels, P patches of a tile, D the language model's width, L visual tokens of a page


class Vision:
    """A LLaVA-NeXT's vision tower and projector, fed with uint8 tiles."""

    def __init__(
        self, network: Any, *, pixel_mean: Sequence[float], pixel_std: Sequence[float], max_tiles: int
    ) -> None:
        """`max_tiles` go through the tower at once. Raises ConfigError for a tower whose patches make no square."""
        self._model = network.model
        self.max_tiles = max_tiles
        parameter = network.model.image_newline
        self._device, self._dtype = parameter.device, parameter.dtype
        self._mean_C = torch.tensor(pixel_mean, device=self._device)
        self._std_C = torch.tensor(pixel_std, device=self._device)
        config = network.config
        self._layer, self._strategy = config.vision_feature_layer, config.vision_feature_select_strategy
        if self._strategy != "default" and config.vision_config.model_type == "clip_vision_model":
            raise ConfigError("vision_feature_select_strategy must be 'default': CLIP's class token fits no grid")

    @property
    def nothing(self) -> Tensor:
        """The visual tokens of no page, `[0, D]`."""
        newline_D: Tensor = self._model.image_newline
        return newline_D.new_empty(0, len(newline_D))

    def encode(self, rasters: Sequence[TiledRaster]) -> list[Tensor]:
        """Return each page's visual tokens `[L, D]`, in order."""
        places: dict[bytes, int] = {}
        distinct: list[NDArray[np.uint8]] = []
        chosen = [[_place(tile, places, distinct) for tile in _tiles(raster)] for raster in rasters]
        if not distinct:
            return []
        features_TPD = torch.cat([self._encode(batch) for batch in _batches(distinct, self.max_tiles)])
        newline_D = self._model.image_newline
        return [
            pack(features_TPD[indices], newline_D, grid=raster.grid, size=raster.unpad_size)
            for raster, indices in zip(rasters, chosen, strict=True)
        ]

    def glance(self, overview_HWC: NDArray[np.uint8]) -> Tensor:
        """Return the visual tokens `[L, D]` of a page that is shown as its overview alone."""
        return torch.cat([self._encode([overview_HWC])[0], self._model.image_newline[None]])

    def _encode(self, tiles: Sequence[NDArray[np.uint8]]) -> Tensor:
        pixels_TCHW = self._normalize(torch.from_numpy(np.stack(tiles)).to(self._device))
        states = self._model.vision_tower(pixels_TCHW, output_hidden_states=True, return_dict=True).hidden_states
        layers = [self._layer] if isinstance(self._layer, int) else self._layer
        features_TPD = torch.cat([states[layer] for layer in layers], dim=-1)
        if self._strategy == "default":
            features_TPD = features_TPD[:, 1:]
        projected: Tensor = self._model.multi_modal_projector(features_TPD)
        return projected

    def _normalize(self, tiles_THWC: Tensor) -> Tensor:
        scaled_THWC = (tiles_THWC.float() / 255 - self._mean_C) / self._std_C
        return scaled_THWC.permute(0, 3, 1, 2).to(self._dtype)


def _tiles(raster: TiledRaster) -> Iterable[NDArray[np.uint8]]:
    yield raster.overview_HWC
    yield from raster.tiles_NHWC


def _place(tile_HWC: NDArray[np.uint8], places: dict[bytes, int], distinct: list[NDArray[np.uint8]]) -> int:
    """Return the tile's index among the distinct ones. Blank tiles, and pages asked twice, are encoded once."""
    digest = hashlib.blake2b(np.ascontiguousarray(tile_HWC).data, digest_size=16).digest()
    if digest not in places:
        places[digest] = len(distinct)
        distinct.append(tile_HWC)
    return places[digest]


def _batches(tiles: Sequence[NDArray[np.uint8]], size: int) -> Iterable[Sequence[NDArray[np.uint8]]]:
    return (tiles[start : start + size] for start in range(0, len(tiles), size))
