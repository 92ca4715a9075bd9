"""Image files: every mode to RGB on white, upright, counted before they are decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from llava_ocr.errors import CorruptPage, InputError, PageTooLarge, TooManyPages
from llava_ocr.geometry import Size
from llava_ocr.raster.base import Limits
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sniff import Format, sniff_path
from tests.raster.papers import options, png_bomb

RED = (255, 0, 0)
# How the pixels lie in a file with this orientation: the turn that undoes the reader's.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
# The exif of a picture that is to be turned by a quarter.
TURNED = Image.Exif()
TURNED[0x0112] = 6


def picture() -> Image.Image:
    """40 x 24, white, red in the top left quarter."""
    sheet = Image.new("RGB", (40, 24), "white")
    sheet.paste(RED, (0, 0, 20, 12))
    return sheet


def drawn(path: Path, page_index: int = 0, limits: Limits | None = None) -> np.ndarray:
    paper = open_paper(path, (), options(limits))
    try:
        with paper.sheet(page_index) as sheet:
            assert sheet.native is not None
            return sheet.draw(sheet.native)
    finally:
        paper.close()


def near(pixel: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - color).max() <= 16)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("png", Format.PNG),
        ("jpg", Format.JPEG),
        ("tiff", Format.TIFF),
        ("webp", Format.WEBP),
        ("bmp", Format.BMP),
        ("gif", Format.GIF),
    ],
)
def test_every_kind_is_told_by_its_bytes_and_read(tmp_path: Path, suffix: str, kind: Format) -> None:
    named, path = tmp_path / f"a.{suffix}", tmp_path / "misnamed.pdf"
    picture().save(named)
    named.rename(path)
    assert sniff_path(path) is kind
    seen = drawn(path)
    assert near(seen[5, 8], RED)
    assert near(seen[20, 35], (255, 255, 255))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = picture() if orientation == 1 else picture().transpose(STORED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    seen = drawn(tmp_path / f"a.{suffix}")
    assert seen.shape == (24, 40, 3)
    assert near(seen[5, 8], RED)
    assert near(seen[18, 32], (255, 255, 255))


def test_every_page_of_a_tiff_is_read(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (30 + n, 20), (n * 60, 0, 0)) for n in range(4)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    for number in (2, 0, 3, 1):
        seen = drawn(tmp_path / "a.tif", number)
        assert (seen.shape[1], int(seen[0, 0, 0])) == (30 + number, 60 * number)


def test_a_tiff_of_too_many_pages_is_refused(tmp_path: Path) -> None:
    pages = [Image.new("L", (9, 9), n) for n in range(6)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(TooManyPages):
        open_paper(tmp_path / "a.tif", (), options(Limits(max_pages=5)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LA", "RGBA"])
def test_every_mode_comes_out_as_rgb(tmp_path: Path, mode: str) -> None:
    suffix = "tif" if mode in ("CMYK", "YCbCr") else "png"
    grey = Image.new("RGB", (20, 20), "white")
    grey.paste((0, 0, 0), (0, 0, 10, 20))
    grey.convert(mode).save(tmp_path / f"a.{suffix}")
    seen = drawn(tmp_path / f"a.{suffix}")
    assert near(seen[10, 3], (0, 0, 0))
    assert near(seen[10, 16], (255, 255, 255))


@pytest.mark.parametrize("depth", [255, 4095, 65535])
def test_deep_samples_keep_their_greys(tmp_path: Path, depth: int) -> None:
    ramp = np.linspace(0, depth, 100).astype(np.uint16).reshape(10, 10)
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    seen = drawn(tmp_path / "a.tif")
    assert seen[0, 0].tolist() == [0, 0, 0]
    assert seen[9, 9].tolist() == [255, 255, 255]


def test_transparent_is_white_paper(tmp_path: Path) -> None:
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert drawn(tmp_path / "a.png").min() == 255


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb(60_000, 60_000))
    with pytest.raises(PageTooLarge, match="3,600,000,000 pixels"):
        drawn(tmp_path / "a.png")


def test_a_cut_picture_is_a_corrupt_page(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(CorruptPage):
        drawn(tmp_path / "a.jpg")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks; the child's stderr goes nowhere
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp", "bmp", "gif"])
def test_cut_anywhere_is_an_input_error_or_a_picture(tmp_path: Path, suffix: str) -> None:
    picture().save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    for length in range(30, len(content), max(1, len(content) // 30)):
        (tmp_path / "cut").write_bytes(content[:length])
        try:
            assert drawn(tmp_path / "cut").shape[2] == 3
        except InputError:
            continue


def test_a_stated_resolution_gives_the_papers_size(tmp_path: Path) -> None:
    Image.new("L", (600, 300)).save(tmp_path / "a.png", dpi=(300, 300))
    paper = open_paper(tmp_path / "a.png", (), options())
    with paper.sheet(0) as sheet:
        assert sheet.paper.width_pt == pytest.approx(144, rel=1e-3)
        assert sheet.native == Size(600, 300)
    paper.close()


def stated(path: Path, save: dict[str, object], size: tuple[int, int] = (200, 100)) -> tuple[int, int, Size | None]:
    """The paper's extent in points, and the native one in pixels, of a picture saved so."""
    Image.new("RGB", size, "white").save(path, **save)
    paper = open_paper(path, (), options())
    try:
        with paper.sheet(0) as sheet:
            return round(sheet.paper.width_pt), round(sheet.paper.height_pt), sheet.native
    finally:
        paper.close()


@pytest.mark.parametrize(
    ("suffix", "save", "width_pt", "height_pt", "native"),
    [
        ("tif", {"dpi": (200, 100)}, 72, 72, Size(200, 200)),
        ("png", {"dpi": (200, 100)}, 72, 72, Size(200, 200)),
        ("jpg", {"dpi": (200, 100)}, 72, 72, Size(200, 200)),
        ("tif", {"dpi": (100, 200)}, 144, 36, Size(400, 100)),
        ("tif", {"dpi": (100, 100)}, 144, 72, Size(200, 100)),
        # Proportions without a size.
        ("tif", {"resolution_unit": 1, "x_resolution": 2, "y_resolution": 1}, 96, 96, Size(200, 200)),
        # No page is squeezed so: one of the two is a mistake.
        ("tif", {"dpi": (1, 100)}, 144, 72, Size(200, 100)),
        ("jpg", {"dpi": (100, 100), "exif": TURNED}, 72, 144, Size(100, 200)),
        ("jpg", {"dpi": (200, 100), "exif": TURNED}, 72, 72, Size(200, 200)),
        ("tif", {"dpi": (200, 100), "tiffinfo": {0x0112: 6}}, 72, 72, Size(200, 200)),
    ],
)
def test_pixels_that_are_not_square_are_read_at_their_proportions(
    tmp_path: Path, suffix: str, save: dict[str, object], width_pt: int, height_pt: int, native: Size
) -> None:
    assert stated(tmp_path / f"page.{suffix}", save) == (width_pt, height_pt, native)
