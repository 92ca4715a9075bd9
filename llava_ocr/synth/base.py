"""What a painted document is: the truth, and where each value of it was printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llava_ocr.records import Word


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
class PaintedPage:
    """One page's words as a text layer would give them. `size_pt` is (width, height) in points."""

    width_pt: float
    height_pt: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class PaintedDocument:
    """Truth with its print. `truth` is nested as in the schema: ISO dates, plain decimal strings, None where absent.

    Every non-null leaf of `truth` is printed at least once; `printed` says where, `language` is en, de or fr.
    """

    schema: str
    seed: int
    language: str
    truth: dict[str, Any]
    pages: tuple[PaintedPage, ...]
    printed: tuple[PrintedValue, ...]
