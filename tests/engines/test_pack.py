import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.pack import pack
from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size
from llava_ocr.models.load import LoadedModel
from llava_ocr.tiles.grid import DOCUMENT_GRIDS, choose_stock_grid
from llava_ocr.tiles.plan import num_visual_tokens
from tests.tiny.models import PINPOINTS, TILE_PX

SIDE, WIDTH = 4, 3
sizes = st.builds(Size, st.integers(5, 300), st.integers(5, 300))
NEWLINE = torch.full((WIDTH,), -1.0)


def features(grid: Grid) -> torch.Tensor:
    return torch.arange((grid.num_tiles + 1) * SIDE**2 * WIDTH, dtype=torch.float32).reshape(-1, SIDE**2, WIDTH)


@given(size=sizes)
@settings(deadline=None, max_examples=150)
def test_packing_equals_transformers_on_stock_grids(llama: LoadedModel, size: Size) -> None:
    grid = choose_stock_grid(size, PINPOINTS, tile_px=TILE_PX)
    tiles = features(grid)
    [expected], _ = llama.network.pack_image_features([tiles], [(size.height, size.width)], "default", NEWLINE)
    assert torch.equal(pack(tiles, NEWLINE, grid=grid, size=size), expected)


def test_lone_overview_equals_transformers(llama: LoadedModel) -> None:
    tiles = features(OVERVIEW_ONLY)
    [expected], _ = llama.network.pack_image_features([tiles], [(30, 40)], "default", NEWLINE)
    assert torch.equal(pack(tiles, NEWLINE, grid=OVERVIEW_ONLY, size=Size(40, 30)), expected)


@pytest.mark.parametrize("grid", (OVERVIEW_ONLY, *DOCUMENT_GRIDS))
def test_planned_tokens_are_those_that_the_model_gets(grid: Grid) -> None:
    for size in (Size(595, 842), Size(842, 595), Size(300, 1200), Size(7, 7)):
        packed = pack(features(grid), NEWLINE, grid=grid, size=size)
        assert len(packed) == num_visual_tokens(grid, size, SIDE)
