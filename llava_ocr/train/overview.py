"""The overview of a page whose words are known but which was never drawn: every word a grey bar on paper."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from llava_ocr.synth.base import PaintedPage


def draw_overview(page: PaintedPage, *, tile_px: int, rng: random.Random) -> NDArray[np.uint8]:
    """Draw `[tile_px, tile_px, 3]`, squashed to the square as LLaVA does; paper, ink and smudges vary."""
    paper, ink = rng.randint(225, 255), rng.randint(60, 190)
    grey = np.full((tile_px, tile_px), paper, np.float32)
    for word in page.words:
        box = word.box
        rows = slice(round(box.y0 * tile_px), max(round(box.y1 * tile_px), round(box.y0 * tile_px) + 1))
        grey[rows, round(box.x0 * tile_px) : round(box.x1 * tile_px) + 1] = ink
    for _ in range(rng.choice((0, 0, 1, 3))):
        x0, y0 = rng.randrange(tile_px), rng.randrange(tile_px)
        grey[y0 : y0 + rng.randrange(1, tile_px // 3), x0 : x0 + rng.randrange(1, tile_px)] -= rng.randint(5, 120)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.choice((0, 0, 4, 12)), grey.shape)
    return np.repeat(np.clip(grey + noise, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
