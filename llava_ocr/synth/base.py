"""What a painted document is: the truth, where each value of it was printed, and the drawing that paints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llava_ocr.records import Word
from llava_ocr.schema import GroupNode

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PrintedValue:
    """One leaf as printed: `text` is its words joined by single spaces, without what only touches it (a comma, a sign).

    `words` are indices into the page's words, in reading order; `path` is concrete (`lines[2].line_total`).
    """

    path: str
    text: str
    page_index: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextRun:
    """Text drawn from `x_pt` on along the baseline `y_pt`, in the face that `fonts.open_face` opens by this name."""

    x_pt: float
    y_pt: float
    text: str
    face: str
    size_pt: float
    color: Rgb


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight line."""

    x0_pt: float
    y0_pt: float
    x1_pt: float
    y1_pt: float
    width_pt: float
    color: Rgb
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """A filled area: `kind` is rectangle, ellipse or triangle."""

    kind: str
    x0_pt: float
    y0_pt: float
    x1_pt: float
    y1_pt: float
    color: Rgb


Mark = TextRun | Stroke | Patch


@dataclass(frozen=True, slots=True)
class PaintedPage:
    """One page's words as a text layer would give them, and what is drawn on it, in drawing order."""

    width_pt: float
    height_pt: float
    words: tuple[Word, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What a document was made of, for hold-outs: its template family, its body font family, its issuer."""

    family: str
    font: str
    issuer: str


@dataclass(frozen=True)
class PaintedDocument:
    """Truth with its print. `truth` is nested as in the schema: ISO dates, plain decimal strings, None where absent.

    Every non-null leaf of `truth` is printed at least once; `printed` says where, `language` is en, de or fr.
    `patterns` names what of layout and wording it has that others have not.
    `root` is the tree of an ad-hoc schema (label/value sheets), None where `schema` names a known one.
    """

    schema: str
    seed: int
    language: str
    truth: dict[str, Any]
    pages: tuple[PaintedPage, ...]
    printed: tuple[PrintedValue, ...]
    origin: Origin = Origin("", "", "")
    root: GroupNode | None = None
    patterns: frozenset[str] = frozenset()
