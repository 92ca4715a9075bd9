"""Reads image files with Pillow: PNG, JPEG, TIFF (every page), WebP, BMP, GIF and HEIC (first picture)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from llava_ocr.errors import CorruptDocument, CorruptPage, InputError, MissingExtra
from llava_ocr.geometry import Box, Size, Turn
from llava_ocr.raster.base import Limits
from llava_ocr.raster.drawer import EmbeddedFile
from llava_ocr.raster.limits import POINTS_PER_INCH, PaperSize, check_num_pages, check_paper, check_pixels
from llava_ocr.raster.sniff import Format
from llava_ocr.records import Word
from llava_ocr.words.visible import Ink

FAULTS = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    AssertionError,
    AttributeError,
    ZeroDivisionError,
    OverflowError,
    struct.error,
)
# Pillow's plugins, by name: left to itself it tries all, and a 284-byte BLP then takes 460 MB.
_PLUGINS = {
    Format.PNG: "PNG",
    Format.JPEG: "JPEG",
    Format.TIFF: "TIFF",
    Format.WEBP: "WEBP",
    Format.BMP: "BMP",
    Format.GIF: "GIF",
    Format.HEIC: "HEIF",
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112
_PLAUSIBLE_DPI = (50.0, 1200.0)
# What a picture that states no resolution is taken for: a page of A4 is then 1240 x 1754.
_ASSUMED_DPI = 150.0
# A fax at its finest has four rows to one dot across, at its coarsest half a row.
_MAX_SQUEEZE = 4.0
# Values of the orientation tag that turn a picture by a quarter.
_ON_THEIR_SIDE = (5, 6, 7, 8)
# The largest value of 8, 12 and 16 bit samples: scanners store 12 bits in 16, and Pillow keeps the small numbers.
_SAMPLE_DEPTHS = (255.0, 4095.0, 65535.0)
# Shrink by whole factors to this many times the target before the fine step: as good, and several times faster.
_REDUCING_GAP = 2.0


class Resolution(NamedTuple):
    """Dots per inch across and down the upright page: a fax has half as many down as across."""

    across: float
    down: float


class PictureSheet:
    """One picture, decoded, upright, RGB on white. `native` has square pixels, as many as the finer direction has."""

    def __init__(self, picture: Image.Image, dpi: Resolution) -> None:
        self._picture = picture
        finest = max(dpi)
        self.native: Size | None = Size(
            round(picture.width * finest / dpi.across), round(picture.height * finest / dpi.down)
        )
        self.paper = check_paper(
            PaperSize(picture.width * POINTS_PER_INCH / dpi.across, picture.height * POINTS_PER_INCH / dpi.down)
        )

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """Scale to `size`."""
        if size == Size(*self._picture.size):
            return np.array(self._picture)
        target = (size.width, size.height)
        return np.array(self._picture.resize(target, Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP))

    def words(self) -> list[Word]:
        """Pictures have no text layer."""
        return []

    def turns(self) -> list[Turn | None]:
        """No words, no turns."""
        return []

    def inks(self) -> list[Ink]:
        """No words, no inks."""
        return []

    def pictures(self) -> list[Box]:
        """The picture is the page."""
        return [Box(0, 0, 1, 1)]


class PicturePaper:
    """An open image file; only a TIFF has more than one page, other files' frames are animation."""

    is_placeholder = False

    def __init__(self, picture: Image.Image, num_pages: int, limits: Limits) -> None:
        self._picture = picture
        self._limits = limits
        self.num_pages = num_pages

    @contextmanager
    def sheet(self, page_index: int) -> Iterator[PictureSheet]:
        """Decode a page, its pixels counted first."""
        try:
            if self.num_pages > 1:
                self._picture.seek(page_index)
            check_pixels(Size(*self._picture.size), self._limits)
            resolution = _resolution(self._picture)
            sheet = PictureSheet(_upright(self._picture), resolution)
        except FAULTS as fault:
            raise image_error(fault, CorruptPage, "the picture can't be decoded") from fault
        yield sheet

    def embedded(self) -> Iterator[EmbeddedFile]:
        """Yield nothing: pictures hold no files."""
        return iter(())

    def close(self) -> None:
        """Close the file."""
        self._picture.close()


def open_image(path: Path, kind: Format, limits: Limits) -> PicturePaper:
    """Open an image file. Raises CorruptDocument, TooManyPages, or MissingExtra for HEIC without its plugin."""
    if kind is Format.HEIC:
        _register_heic()
    # Sizes are checked against `limits` before decoding; Pillow's own cap only warns below twice its limit.
    Image.MAX_IMAGE_PIXELS = None
    try:
        picture = Image.open(path, formats=[_PLUGINS[kind]])
        num_pages = _num_frames(picture, limits.max_pages) if kind is Format.TIFF else 1
    except FAULTS as fault:
        raise image_error(fault, CorruptDocument, "the image can't be opened") from fault
    paper = PicturePaper(picture, num_pages, limits)
    if num_pages > limits.max_pages:
        paper.close()
    check_num_pages(num_pages, limits)
    return paper


def image_error(fault: BaseException, otherwise: type[InputError], what: str) -> InputError:
    """Translate an exception of Pillow or a plugin; the class alone is passed on."""
    return fault if isinstance(fault, InputError) else otherwise(f"{what} ({type(fault).__name__})")


def _register_heic() -> None:
    if find_spec("pillow_heif") is None:
        raise MissingExtra("HEIC needs the package pillow-heif: pip install 'llava-ocr[heic]'")
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _num_frames(picture: Image.Image, max_pages: int) -> int:
    """Count a TIFF's pages one by one, no further than just past the limit; a broken chain ends it."""
    num_frames = 1
    while num_frames <= max_pages:
        try:
            picture.seek(num_frames)
        except EOFError:
            break
        num_frames += 1
    picture.seek(0)
    return num_frames


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()
    # Asked after loading: the plugins for TIFF and HEIC turn the pixels themselves and then take the tag off.
    turn = _TURNS.get(_orientation(picture))
    flat = _on_white(picture)
    return flat.transpose(turn) if turn is not None else flat


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except FAULTS:
        return 1  # A broken tag says nothing; the pixels may be fine.


def _on_white(picture: Image.Image) -> Image.Image:
    """Bring any mode to RGB; what is transparent shows white paper."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        return Image.fromarray(_as_bytes(np.asarray(picture))).convert("RGB")
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        clear = picture.convert("RGBA")
        sheet = Image.new("RGB", clear.size, (255, 255, 255))
        sheet.paste(clear, mask=clear.getchannel("A"))
        return sheet
    return picture.copy() if picture.mode == "RGB" else picture.convert("RGB")


def _as_bytes(samples_HW: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 16-bit, 32-bit or float samples to 0..255: by the depth they seem to have."""
    wide = samples_HW.astype(np.float64)
    top = float(wide.max(initial=0.0))
    if samples_HW.dtype.kind == "f":
        full = 1.0 if top <= 1.0 else top
    else:
        full = next((depth for depth in _SAMPLE_DEPTHS if top <= depth), top)
    return np.clip(np.nan_to_num(wide) * (255.0 / full), 0, 255).astype(np.uint8)


def _resolution(picture: Image.Image) -> Resolution:
    """The stated dots per inch across and down, or their stated ratio at a usual resolution. Ask before loading."""
    stated = _pair(picture.info.get("dpi"))
    if stated is None or not _is_plausible(stated[1]):
        ratio = _pair(_stated_ratio(picture)) or (1.0, 1.0)
        stated = (_ASSUMED_DPI, _ASSUMED_DPI * ratio[1] / ratio[0])
    across, down = stated
    if not 1 / _MAX_SQUEEZE <= across / down <= _MAX_SQUEEZE:
        # One of the two is a mistake: pages are not that much squeezed.
        across = down = down if _is_plausible(down) else _ASSUMED_DPI
    # The tag tells how stored rows lie on the page, and the resolution is that of the rows as they are stored.
    return Resolution(down, across) if _orientation(picture) in _ON_THEIR_SIDE else Resolution(across, down)


def _stated_ratio(picture: Image.Image) -> object:
    """What formats state where pixels have proportions and no size: PNG, TIFF, and JPEG with the unit 0."""
    if picture.info.get("jfif_unit") == 0:
        return picture.info.get("jfif_density")
    return picture.info.get("aspect") or picture.info.get("resolution")


def _pair(stated: object) -> tuple[float, float] | None:
    """Two numbers above nought, or nothing."""
    if not isinstance(stated, Sequence) or len(stated) != 2:
        return None
    across, down = float(stated[0]), float(stated[1])
    return (across, down) if across > 0 and down > 0 and math.isfinite(across * down) else None


def _is_plausible(dpi: float) -> bool:
    return _PLAUSIBLE_DPI[0] <= dpi <= _PLAUSIBLE_DPI[1]
