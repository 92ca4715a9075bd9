"""Which of the rows that a page's words show are not in an answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llava_ocr.engines.base import TokenTrace
from llava_ocr.geometry import Box
from llava_ocr.grounding.answer import Said
from llava_ocr.grounding.ground import GroundedPage, ground
from llava_ocr.grounding.match import PageIndex
from llava_ocr.grounding.typed import Conventions
from llava_ocr.merge.rowcount import missed_rows
from llava_ocr.records import WordReader
from llava_ocr.words.layout import Layout
from llava_ocr.words.stack import stack, unstacked

_ROW = re.compile(r"[^\[]*\[\d+\]")


def rows_read(said: Sequence[Said], layouts: Sequence[Layout]) -> list[list[Box]]:
    """Return where the cells of an answer's rows stand, page by page."""
    return _places(said, layouts) if layouts else []


def num_rows(said: Sequence[Said]) -> int:
    """Count the rows of an answer of which anything was read."""
    return len({match.group() for leaf in said if leaf.text is not None and (match := _ROW.match(leaf.path))})


def lacking_rows(
    said: Sequence[Said], layouts: Sequence[Layout], counted: Sequence[Sequence[Box]]
) -> list[tuple[Box, ...]]:
    """Return, for each page of an answer, the counted lines that none of its rows stands on.

    An answer without any row says that there is no such list, and nothing lacks of it. One with as many rows as were
    counted lacks none, wherever they stand.
    """
    num_read = num_rows(said)
    if len(layouts) < len(counted) or not num_read or num_read >= sum(map(len, counted)):
        return [() for _ in counted]
    read = rows_read(said, layouts)
    return [missed_rows(lines, boxes) for lines, boxes in zip(counted, read, strict=True)]


def _places(said: Sequence[Said], layouts: Sequence[Layout]) -> list[list[Box]]:
    """Where the cells of an answer's rows stand, page by page."""
    whole = stack(layouts)
    page = GroundedPage(0, PageIndex(whole), WordReader.NONE, TokenTrace(), Conventions([whole]))
    found: list[list[Box]] = [[] for _ in layouts]
    for entry in ground([leaf for leaf in said if "[" in leaf.path], page):
        evidence = entry.reading.evidence
        if evidence is not None:
            place, boxes = unstacked(evidence.boxes, num_pages=len(layouts))
            found[place] += boxes
    return found
