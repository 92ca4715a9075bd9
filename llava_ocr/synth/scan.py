"""Painted documents as worn page images: scans, faxes and phone photos, with every word's box carried along."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from random import Random

import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from llava_ocr.geometry import Box, Size, box_of_px
from llava_ocr.records import Word
from llava_ocr.synth.base import PaintedDocument, PaintedPage, Rgb
from llava_ocr.synth.pdf import draw_page
from llava_ocr.synth.streams import chance, weighted

Homography = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wear:
    """What happened to the paper. `margin` and `bend` are a photo's surroundings and perspective, in shares of it."""

    dpi: int = 150
    skew_deg: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    fading: float = 0.0
    shadow: float = 0.0
    is_fax: bool = False
    is_color: bool = False
    margin: float = 0.0
    bend: float = 0.0
    desk: Rgb = (1.0, 1.0, 1.0)
    jpeg_quality: int = 90


@dataclass(frozen=True, eq=False)
class ScannedPage:
    """One page's pixels (mode L or RGB) and its words where they stand on them now."""

    image: Image.Image
    words: tuple[Word, ...]

    @property
    def size(self) -> Size:
        """The image's extent."""
        return Size(*self.image.size)


def draw_wear(rng: Random, *, dpi: int = 150) -> Wear:
    """Draw wear as it is met: mostly office scanners, then faxes and phone photos."""
    kind = weighted(rng, [("clean", 0.2), ("scan", 0.45), ("fax", 0.12), ("photo", 0.23)])
    skew = rng.gauss(0, 0.6)
    quality = rng.randint(35, 92)
    if kind == "clean":
        return Wear(dpi=dpi, jpeg_quality=95)
    if kind == "fax":
        return Wear(dpi=dpi, skew_deg=skew, blur_px=rng.uniform(0.3, 0.8), noise=rng.uniform(0.05, 0.2), is_fax=True)
    if kind == "scan":
        return Wear(
            dpi=dpi,
            skew_deg=skew,
            blur_px=rng.uniform(0, 0.9),
            noise=rng.uniform(0, 0.05),
            fading=rng.uniform(0, 0.45),
            shadow=rng.uniform(0, 0.15),
            is_color=chance(rng, 0.4),
            jpeg_quality=quality,
        )
    tone = rng.uniform(0.15, 0.7)
    return Wear(
        dpi=dpi,
        skew_deg=rng.gauss(0, 2.5),
        blur_px=rng.uniform(0.3, 1.2),
        noise=rng.uniform(0.01, 0.05),
        fading=rng.uniform(0, 0.3),
        shadow=rng.uniform(0.1, 0.5),
        is_color=True,
        margin=rng.uniform(0.01, 0.1),
        bend=rng.uniform(0.0, 0.05),
        desk=(tone, tone * rng.uniform(0.7, 1.0), tone * rng.uniform(0.5, 1.0)),
        jpeg_quality=quality,
    )


def paint_scan(document: PaintedDocument, wear: Wear) -> tuple[ScannedPage, ...]:
    """Draw a document's pages as worn images; boxes become upright hulls of the turned or tilted ones."""
    with pymupdf.open() as pdf:
        for page in document.pages:
            draw_page(pdf, page)
        return tuple(
            _scan(pdf[index].get_pixmap(dpi=wear.dpi, alpha=False), page, wear, Random(f"{document.seed}/{index}/wear"))
            for index, page in enumerate(document.pages)
        )


def _scan(pixmap: pymupdf.Pixmap, page: PaintedPage, wear: Wear, rng: Random) -> ScannedPage:
    flat = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    if not wear.is_color:
        flat = flat.convert("L")
    size = Size(*flat.size)
    out = Size(round(size.width * (1 + 2 * wear.margin)), round(size.height * (1 + 2 * wear.margin)))
    forth = _homography(size, out, wear, rng)
    image = flat
    if wear.skew_deg or wear.margin or wear.bend:
        image = _warp(flat, out, forth, wear)
    image = _weather(image, wear, rng)
    return ScannedPage(image, tuple(Word(word.text, _moved(word.box, size, out, forth)) for word in page.words))


def _homography(size: Size, out: Size, wear: Wear, rng: Random) -> Homography:
    """Map page pixels to image pixels: turned about the middle, then each corner moved a little."""
    angle = math.radians(wear.skew_deg)
    middle = np.array([size.width / 2, size.height / 2])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    corners = np.array([[0, 0], [size.width, 0], [size.width, size.height], [0, size.height]], dtype=np.float64)
    moved = (corners - middle) @ turn.T + np.array([out.width / 2, out.height / 2])
    shift = min(size.width, size.height) * wear.bend
    moved += np.array([[rng.uniform(-shift, shift), rng.uniform(-shift, shift)] for _ in range(4)])
    return _solve(corners, moved)


def _solve(source: NDArray[np.float64], target: NDArray[np.float64]) -> Homography:
    """Find the homography that maps four points onto four others."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    answer = np.linalg.solve(np.array(rows), target.reshape(8))
    return np.append(answer, 1.0).reshape(3, 3)


def _warp(flat: Image.Image, out: Size, forth: Homography, wear: Wear) -> Image.Image:
    back = np.linalg.inv(forth)
    back = back / back[2, 2]
    desk = tuple(round(255 * part) for part in wear.desk)
    fill = desk if flat.mode == "RGB" else desk[0]
    method, resample = Image.Transform.PERSPECTIVE, Image.Resampling.BICUBIC
    return flat.transform((out.width, out.height), method, back.reshape(9)[:8].tolist(), resample, fillcolor=fill)


def _weather(image: Image.Image, wear: Wear, rng: Random) -> Image.Image:
    if wear.blur_px:
        image = image.filter(ImageFilter.GaussianBlur(wear.blur_px * wear.dpi / 150))
    pixels = np.asarray(image, dtype=np.float32) / 255
    if wear.fading:
        # Thin toner: dark becomes gray, paper stays.
        pixels = 1 - (1 - pixels) * (1 - wear.fading)
    if wear.shadow:
        light = _light(pixels.shape[0], pixels.shape[1], wear.shadow, rng)
        pixels = pixels * light[(..., *(None,) * (pixels.ndim - 2))]
    if wear.noise:
        grain = np.random.default_rng(rng.getrandbits(64)).standard_normal(pixels.shape[:2], dtype=np.float32)
        pixels = pixels + wear.noise * grain[(..., *(None,) * (pixels.ndim - 2))]
    if wear.is_fax:
        pixels = (pixels > rng.uniform(0.45, 0.65)).astype(np.float32)
    worn = Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8), image.mode)
    return worn if wear.is_fax or wear.jpeg_quality > 94 else _squeeze(worn, wear.jpeg_quality)


def _light(height: int, width: int, depth: float, rng: Random) -> NDArray[np.float32]:
    """Uneven light: a slope across the page and a soft spot."""
    y, x = np.mgrid[0 : 1 : complex(height), 0 : 1 : complex(width)].astype(np.float32)
    angle, cx, cy = rng.uniform(0, math.tau), rng.random(), rng.random()
    slope = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
    spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) * 3)
    light: NDArray[np.float32] = (1 - depth * (0.5 + 0.6 * slope - 0.4 * spot)).astype(np.float32)
    return light


def _squeeze(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    with Image.open(buffer, formats=["JPEG"]) as squeezed:
        squeezed.load()
        return squeezed.copy()


def _moved(box: Box, size: Size, out: Size, forth: Homography) -> Box:
    corners = np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])
    points = np.c_[corners * [size.width, size.height], np.ones(4)] @ forth.T
    xs, ys = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    return box_of_px(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()), size=out)
