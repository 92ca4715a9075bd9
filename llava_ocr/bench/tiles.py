"""`bench tiles`: drawing a page straight at grid size and cutting it, against the stock image processor."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Grid, Size, fit_within
from llava_ocr.raster.base import Limits
from llava_ocr.raster.pdf import MuPdfSheet, open_pdf
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.plan import raster_size

_GRID, _TILE_PX = Grid(6, 6), 336
# What pages are usually drawn at for the stock processor: A4 at 200 dpi.
_STOCK_BOUND = Size(1653, 2339)
_ROUNDS, _STOCK_ROUNDS = 60, 8


def run() -> dict[str, Any]:
    """Time a painted invoice at 6x6: ours from PDF page to uint8 tiles, the stock processor from drawn page to floats.

    `ms_per_page` is the best of 60 rounds, `ratio_to_stock` how many times as long the processor alone takes.
    """
    with tempfile.TemporaryDirectory(prefix="bench-tiles-") as folder:
        path = Path(folder) / "invoice.pdf"
        path.write_bytes(paint_pdf(paint("invoice", 0)))
        paper = open_pdf(path, (), Limits())
        with paper.sheet(0) as sheet:
            measured = _measured(sheet)
        paper.close()
    return measured


def _measured(sheet: MuPdfSheet) -> dict[str, Any]:
    size = raster_size(sheet.paper.shape, _GRID, _TILE_PX)
    drawn_HWC = sheet.draw(fit_within(sheet.paper.shape, _STOCK_BOUND))
    # Ours first: the child processes that draw pages never load transformers.
    ours_ms = _best_ms(lambda: cut(sheet.draw(size), _GRID, tile_px=_TILE_PX, dpi=172), rounds=_ROUNDS)
    render_ms = _best_ms(lambda: sheet.draw(size), rounds=_ROUNDS)
    stock = _stock_processor()
    stock_ms = _best_ms(lambda: stock(drawn_HWC), rounds=_STOCK_ROUNDS)
    return {
        "bench": "tiles",
        "grid": f"{_GRID.rows}x{_GRID.cols}",
        "ms_per_page": round(ours_ms, 2),
        "render_ms": round(render_ms, 2),
        "stock_ms": round(stock_ms, 2),
        "ratio_to_stock": round(stock_ms / ours_ms, 2),
    }


def _stock_processor() -> Callable[[NDArray[np.uint8]], object]:
    # Not at the top: the command line lists benches without loading transformers.
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    bound = _GRID.size(_TILE_PX)
    processor = LlavaNextImageProcessorPil(
        size={"shortest_edge": _TILE_PX},
        crop_size={"height": _TILE_PX, "width": _TILE_PX},
        image_grid_pinpoints=[[bound.height, bound.width]],
    )
    return lambda raster_HWC: processor(raster_HWC, return_tensors="np", input_data_format="channels_last")


def _best_ms(work: Callable[[], object], *, rounds: int) -> float:
    best_s = float("inf")
    for _ in range(rounds):
        start_s = time.perf_counter()
        work()
        best_s = min(best_s, time.perf_counter() - start_s)
    return best_s * 1000
