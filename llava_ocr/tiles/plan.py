"""What a page costs and how large to draw it: pure arithmetic, equal to what the model really gets."""

from __future__ import annotations

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size, fit_within

# The overview squashes the page to a square; drawn twice as large, the short side of most pages is still shrunk.
OVERVIEW_OVERSAMPLING = 2


def num_visual_tokens(grid: Grid, size: Size, patches_per_side: int) -> int:
    """Count the embeddings that one page puts into the prompt: overview, unpadded tiles, one newline a patch row.

    `size` is the page's shape as it is unpadded by (`TiledRaster.unpad_size`); its unit does not matter.
    """
    num_overview = patches_per_side**2
    if grid == OVERVIEW_ONLY:
        return num_overview + 1  # transformers ends a lone overview with a newline
    kept = kept_patches(grid, size, patches_per_side)
    return num_overview + kept.height * (kept.width + 1)


def visual_token_budget(max_visual_tokens: int, context_tokens: int) -> int:
    """Return how many visual tokens a page may take, so that a third of the context is left for words and answer."""
    return min(max_visual_tokens, context_tokens * 2 // 3)


def kept_patches(grid: Grid, size: Size, patches_per_side: int) -> Size:
    """Return how many patch columns and rows are left when the padding around a page of shape `size` is taken off."""
    cols, rows = grid.cols * patches_per_side, grid.rows * patches_per_side
    # The same float steps as transformers' `unpad_image`: an exact quotient would be a row off for some sizes.
    if size.width / size.height > cols / rows:
        margin = (rows - int(round(size.height * (cols / size.width), 7))) // 2
        return Size(cols, rows - 2 * margin)
    margin = (cols - int(round(size.width * (rows / size.height), 7))) // 2
    return Size(cols - 2 * margin, rows)


def raster_size(page: Size, grid: Grid, tile_px: int) -> Size:
    """Return the extent to draw a page at so that it touches the grid from inside. `page` gives the shape only."""
    if grid == OVERVIEW_ONLY:
        edge_px = OVERVIEW_OVERSAMPLING * tile_px
        return fit_within(page, Size(edge_px, edge_px))
    return fit_within(page, grid.size(tile_px))
