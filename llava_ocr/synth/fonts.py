"""Font faces and their metrics: those that come with PyMuPDF, and on request those that are installed.

By default a seed gives the same document on every machine. Training asks for more looks with `system_fonts`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pymupdf

BUILT_IN = {
    "Helvetica": ("helv", "hebo", "heit"),
    "Times": ("tiro", "tibo", "tiit"),
    "Courier": ("cour", "cobo", "coit"),
}
# What the optional package pymupdf-fonts adds.
PACKAGED = {
    "FiraGO": ("figo", "figbo", "figit"),
    "FiraMono": ("fimo", "fimbo", "fimo"),
    "SpaceMono": ("spacemo", "spacembo", "spacemit"),
    "NotoSansPackaged": ("notos", "notosbo", "notosit"),
    "UbuntuPackaged": ("ubuntu", "ubuntubo", "ubuntuit"),
    "Cascadia": ("cascadia", "cascadiab", "cascadiai"),
}
# Families whose three faces are looked for on the system: regular, bold, italic.
SYSTEM_STEMS = {
    "DejaVuSans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique"),
    "DejaVuSerif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic"),
    "DejaVuSansCondensed": ("DejaVuSansCondensed", "DejaVuSansCondensed-Bold", "DejaVuSansCondensed-Oblique"),
    "DejaVuSansMono": ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique"),
    "LiberationSansNarrow": (
        "LiberationSansNarrow-Regular",
        "LiberationSansNarrow-Bold",
        "LiberationSansNarrow-Italic",
    ),
    "Carlito": ("Carlito-Regular", "Carlito-Bold", "Carlito-Italic"),
    "Caladea": ("Caladea-Regular", "Caladea-Bold", "Caladea-Italic"),
    "Lato": ("Lato-Regular", "Lato-Bold", "Lato-Italic"),
    "OpenSans": ("OpenSans-Regular", "OpenSans-Bold", "OpenSans-Italic"),
    "Roboto": ("Roboto-Regular", "Roboto-Bold", "Roboto-Italic"),
    "NotoSans": ("NotoSans-Regular", "NotoSans-Bold", "NotoSans-Italic"),
    "NotoSerif": ("NotoSerif-Regular", "NotoSerif-Bold", "NotoSerif-Italic"),
    "Ubuntu": ("Ubuntu-R", "Ubuntu-B", "Ubuntu-RI"),
    "Arial": ("Arial", "Arial Bold", "Arial Italic"),
    "Verdana": ("Verdana", "Verdana Bold", "Verdana Italic"),
    "Georgia": ("Georgia", "Georgia Bold", "Georgia Italic"),
    "CourierPrime": ("CourierPrime-Regular", "CourierPrime-Bold", "CourierPrime-Italic"),
    "Inconsolata": ("Inconsolata-Regular", "Inconsolata-Bold", "Inconsolata-Regular"),
    "C059": ("C059-Roman", "C059-Bold", "C059-Italic"),
    "P052": ("P052-Roman", "P052-Bold", "P052-Italic"),
    "URWGothic": ("URWGothic-Book", "URWGothic-Demi", "URWGothic-BookOblique"),
    "URWBookman": ("URWBookman-Light", "URWBookman-Demi", "URWBookman-LightItalic"),
}
# Faces that look written by hand, looked for on the system.
SCRIPT_STEMS = (
    "Caveat-Regular", "Caveat[wght]", "IndieFlower-Regular", "PatrickHand-Regular", "Kalam-Regular", "Purisa",
    "Comic Sans MS", "comic", "Bradley Hand Bold", "segoescb", "segoesc", "Inkfree", "Noteworthy", "ComicNeue-Regular",
    "ComicNeue-Italic", "Z003-MediumItalic", "HomemadeApple-Regular",
)  # fmt: skip
MONO = frozenset({"Courier", "DejaVuSansMono", "CourierPrime", "Inconsolata", "FiraMono", "SpaceMono", "Cascadia"})

_takes_system: ContextVar[bool] = ContextVar("_takes_system", default=False)


@dataclass(frozen=True, eq=False)
class Face:
    """One face: its name, how far it reaches over and under the baseline (em), and its glyphs' widths (em)."""

    name: str
    font: Any
    ascender: float
    descender: float
    widths: dict[str, float] = field(default_factory=dict)

    def width(self, text: str) -> float:
        """Return the advance of `text` in em."""
        widths = self.widths
        try:
            return sum([widths[c] for c in text])
        except KeyError:
            for c in set(text) - widths.keys():
                widths[c] = self.font.glyph_advance(ord(c))
            return sum([widths[c] for c in text])


@dataclass(frozen=True, slots=True)
class Family:
    """A font family's three faces."""

    name: str
    regular: Face
    bold: Face
    italic: Face

    @property
    def is_mono(self) -> bool:
        """Whether all glyphs are equally wide."""
        return self.name in MONO


@contextmanager
def system_fonts(*, are_wanted: bool = True) -> Iterator[None]:
    """Inside, documents may also be set in what pymupdf-fonts and this machine's font folders hold."""
    token = _takes_system.set(are_wanted)
    try:
        yield
    finally:
        _takes_system.reset(token)


def takes_system_fonts() -> bool:
    """Whether documents painted now may be set in installed fonts."""
    return _takes_system.get()


@cache
def open_face(name: str) -> Face:
    """Open a face by the name that PyMuPDF knows it by, or by its file's stem."""
    known = {face for family in (BUILT_IN | PACKAGED).values() for face in family}
    path = None if name in known else _system_files().get(name)
    font = pymupdf.Font(fontfile=str(path)) if path else pymupdf.Font(name)
    return Face(name, font, float(font.ascender), float(font.descender))


def families() -> tuple[str, ...]:
    """Name the families that documents may be set in, built-in ones first."""
    return (*BUILT_IN, *_added_families()) if takes_system_fonts() else tuple(BUILT_IN)


@cache
def _added_families() -> tuple[str, ...]:
    found = _system_files()
    packaged = PACKAGED if importlib.util.find_spec("pymupdf_fonts") else ()
    return (*packaged, *(name for name, stems in SYSTEM_STEMS.items() if all(stem in found for stem in stems)))


@cache
def open_family(name: str) -> Family:
    """Open a family by its name."""
    stems = BUILT_IN.get(name) or PACKAGED.get(name) or SYSTEM_STEMS[name]
    return Family(name, *(open_face(stem) for stem in stems))


def choose_family(rng: Random) -> Family:
    """Pick a family; the built-in sans stands for most office print."""
    names = families()
    weights = [3.0 if name == "Helvetica" else 0.4 if name in MONO else 1.0 for name in names]
    return open_family(rng.choices(names, weights)[0])


def find_script(rng: Random) -> Face | None:
    """Pick an installed face that looks written by hand; None where there is none, or none is wanted."""
    if not takes_system_fonts():
        return None
    found = [stem for stem in SCRIPT_STEMS if stem in _system_files()]
    return open_face(rng.choice(found)) if found else None


@cache
def _system_files() -> dict[str, Path]:
    return {path.stem: path for folder in _folders() for path in sorted(folder.rglob("*.[to]tf"))}


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        named = [Path("/Library/Fonts"), Path("/System/Library/Fonts/Supplemental"), home / "Library/Fonts"]
    elif sys.platform == "win32":
        named = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    else:
        named = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts", home / ".local/share/fonts"]
    return [folder for folder in named if folder.is_dir()]
