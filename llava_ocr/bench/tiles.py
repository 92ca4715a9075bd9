"""`bench tiles`: drawing a page straight at grid size and cutting it, against the stock image processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pymupdf
from numpy.typing import NDArray

from llava_ocr.geometry import Grid, Size
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.plan import raster_size

_GRID, _TILE_PX = Grid(6, 6), 336
# What pages are usually drawn at for the stock processor.
_STOCK_DPI = 200
_A4 = Size(2100, 2970)
_ROUNDS = 15


def run() -> dict[str, Any]:
    """Time a generated A4 page at 6x6: ours from PDF to uint8 tiles, the stock processor from drawn page to floats.

    `ms_per_page` is the best of 15 rounds, `ratio_to_stock` how many times as long the processor alone takes.
    """
    page = pymupdf.open("pdf", _invoice_pdf())[0]
    drawn_HWC = _draw(page, _STOCK_DPI / 72)
    stock = _stock_processor()
    ours_ms, render_ms, stock_ms = (
        _best_ms(lambda: _draw_and_cut(page)),
        _best_ms(lambda: _draw(page, _zoom(page))),
        _best_ms(lambda: stock(drawn_HWC)),
    )
    return {
        "bench": "tiles",
        "grid": f"{_GRID.rows}x{_GRID.cols}",
        "ms_per_page": round(ours_ms, 2),
        "render_ms": round(render_ms, 2),
        "stock_ms": round(stock_ms, 2),
        "ratio_to_stock": round(stock_ms / ours_ms, 2),
    }


def _draw_and_cut(page: pymupdf.Page) -> None:
    zoom = _zoom(page)
    cut(_draw(page, zoom), _GRID, tile_px=_TILE_PX, dpi=72 * zoom)


def _zoom(page: pymupdf.Page) -> float:
    return float(raster_size(_A4, _GRID, _TILE_PX).height / page.rect.height)


def _draw(page: pymupdf.Page, zoom: float) -> NDArray[np.uint8]:
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
    raster_HWC = np.frombuffer(pixels.samples_mv, np.uint8).reshape(pixels.height, pixels.width, 3)
    # MuPDF rounds the page's edges outwards, by up to a pixel.
    bound = _GRID.size(_TILE_PX)
    return raster_HWC[: bound.height, : bound.width] if pixels.height == bound.height + 1 else raster_HWC


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


def _best_ms(work: Callable[[], object]) -> float:
    best_s = float("inf")
    for _ in range(_ROUNDS):
        start_s = time.perf_counter()
        work()
        best_s = min(best_s, time.perf_counter() - start_s)
    return best_s * 1000


def _invoice_pdf() -> bytes:
    """Make an A4 page as full as a long invoice: a head, forty lines of five columns, rules, sums."""
    with pymupdf.open() as document:
        page = document.new_page(width=595.28, height=841.89)
        page.insert_text((50, 60), "Invoice 2026-0042", fontsize=20)
        for row in range(40):
            y_pt = 110 + 16 * row
            for x_pt, text in ((50, f"{row + 1}"), (80, f"Article {row * 37:05d}, blue"), (330, f"{row % 9 + 1}")):
                page.insert_text((x_pt, y_pt), text, fontsize=9)
            page.insert_text((400, y_pt), f"{row * 13.7:,.2f}", fontsize=9)
            page.insert_text((490, y_pt), f"{row * 13.7 * (row % 9 + 1):,.2f}", fontsize=9)
            page.draw_line((50, y_pt + 4), (550, y_pt + 4), width=0.5)
        page.insert_text((400, 790), "Total 12,345.67 EUR", fontsize=12)
        made: bytes = document.tobytes()
    return made
