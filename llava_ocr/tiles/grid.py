"""Which grid of tiles a page gets: enough pixels for its text, within the budget, no more tokens than that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size, fit_within
from llava_ocr.tiles.plan import num_visual_tokens

# Below about 14 pixels to the em, digits such as 3, 8 and 9 run together for a 14- or 16-pixel patch encoder.
READABLE_EM_PX = 14.0
# 10 pt text on the long side of A4 (842 pt), where nothing is known of the page's text.
ASSUMED_EM_OF_LONG_SIDE = 10 / 842

_PORTRAIT_GRIDS = tuple(
    Grid(rows, cols)
    for rows, cols in ((2, 1), (3, 1), (4, 1), (6, 1), (3, 2), (4, 2), (6, 2), (4, 3), (6, 3), (5, 4), (6, 4), (7, 5))
)
_SQUARE_GRIDS = tuple(Grid(side, side) for side in (1, 2, 3, 4, 5, 6))

# A4 portrait pads least in 3 rows of 2 (81 dpi at 336 px), 4 of 3 (115), 6 of 4 (163) and 7 of 5 (201).
DOCUMENT_GRIDS = tuple(
    sorted(
        {*_SQUARE_GRIDS, *_PORTRAIT_GRIDS, *(Grid(grid.cols, grid.rows) for grid in _PORTRAIT_GRIDS)},
        key=lambda grid: (grid.num_tiles, grid),
    )
)


@dataclass(frozen=True, slots=True)
class GridBudget:
    """What a page's tiles may cost, and the encoder they are for. The overview counts as tokens, not as a tile."""

    tile_px: int
    patches_per_side: int
    max_tiles: int
    max_visual_tokens: int


def choose_grid(page: Size, em_height: float | None, *, grids: Sequence[Grid], budget: GridBudget) -> Grid:
    """Pick the cheapest grid that keeps the page's text readable, else the one that keeps most pixels.

    `page` needs the page's shape only, in any unit. `em_height` is the height of the page's usual (better: smaller)
    words as a fraction of the page's height, None where that is not known. Where no grid fits the budget, the
    overview alone is left.
    """
    affordable = [grid for grid in grids if _is_affordable(page, grid, budget)]
    if not affordable:
        return OVERVIEW_ONLY
    em = em_height * page.height if em_height else ASSUMED_EM_OF_LONG_SIDE * max(page.width, page.height)

    def worth(grid: Grid) -> tuple[float, int, int]:
        em_px = em * _scale(page, grid, budget.tile_px)
        return min(em_px, READABLE_EM_PX), -_cost(page, grid, budget), -num_padding_px(page, grid, budget.tile_px)

    return max(affordable, key=worth)


def num_padding_px(page: Size, grid: Grid, tile_px: int) -> int:
    """Count the grid's pixels that the page leaves empty."""
    bound = _bound(grid, tile_px)
    return bound.num_px - fit_within(page, bound).num_px


def stock_grids(pinpoints: Sequence[Sequence[int]], *, tile_px: int) -> tuple[Grid, ...]:
    """Turn a model's `image_grid_pinpoints` (pixels, height first) into grids."""
    return tuple(Grid(height // tile_px, width // tile_px) for height, width in pinpoints)


def choose_stock_grid(size: Size, pinpoints: Sequence[Sequence[int]], *, tile_px: int) -> Grid:
    """Pick the grid that transformers' `select_best_resolution` picks for a raster of `size`."""
    best, best_kept, best_wasted = OVERVIEW_ONLY, 0, 0
    for grid in stock_grids(pinpoints, tile_px=tile_px):
        bound = grid.size(tile_px)
        # Floats and `int`, as there: exact arithmetic would pick another grid where two are a pixel apart.
        scale = min(bound.width / size.width, bound.height / size.height)
        kept = min(int(size.width * scale) * int(size.height * scale), size.num_px)
        wasted = bound.num_px - kept
        if kept > best_kept or (kept == best_kept and wasted < best_wasted):
            best, best_kept, best_wasted = grid, kept, wasted
    return best


def _is_affordable(page: Size, grid: Grid, budget: GridBudget) -> bool:
    num_tokens = num_visual_tokens(grid, page, budget.patches_per_side)
    return grid.num_tiles <= budget.max_tiles and num_tokens <= budget.max_visual_tokens


def _cost(page: Size, grid: Grid, budget: GridBudget) -> int:
    """Patches to encode plus tokens to read: padding costs the encoder, although it never reaches the decoder."""
    num_encoded = (grid.num_tiles + 1) * budget.patches_per_side**2
    return num_encoded + num_visual_tokens(grid, page, budget.patches_per_side)


def _scale(page: Size, grid: Grid, tile_px: int) -> float:
    bound = _bound(grid, tile_px)
    return min(bound.width / page.width, bound.height / page.height)


def _bound(grid: Grid, tile_px: int) -> Size:
    return Size(tile_px, tile_px) if grid == OVERVIEW_ONLY else grid.size(tile_px)
