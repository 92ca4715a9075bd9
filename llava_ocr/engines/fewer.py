"""A prompt without the visual tokens of blank paper. Each token that stays keeps its position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llava_ocr.tiles.blank import kept_tokens
from llava_ocr.tiles.tiled import TiledRaster

# L visual tokens of all pages of a prompt


@dataclass(frozen=True, eq=False)
class ThinPrompt:
    """The tokens that are read, where each stood in the whole prompt, and which visual tokens they are."""

    ids: list[int]
    positions: list[int]
    kept_L: NDArray[np.bool_]


def thin(ids: Sequence[int], rasters: Sequence[TiledRaster], *, image_id: int, patches_per_side: int) -> ThinPrompt:
    """Leave out of a prompt's tokens the visual ones that show blank paper."""
    kept_L = np.concatenate(
        [np.empty(0, np.bool_), *(kept_tokens(raster, patches_per_side) for raster in rasters)],
    )
    whole = np.array(ids)
    stays = np.ones(len(ids), np.bool_)
    stays[whole == image_id] = kept_L
    return ThinPrompt(whole[stays].tolist(), stays.nonzero()[0].tolist(), kept_L)
