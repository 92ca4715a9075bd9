"""The words of pages, kept so that a box drawn on a page can be read and pages can be searched."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from llava_ocr.db.review_rows import PAGE_WORDS
from llava_ocr.db.upserts import upsert
from llava_ocr.db.values import clean
from llava_ocr.geometry import Box, Turn
from llava_ocr.records import PageWords, Word, WordReader

# Words of one page; more is no page that people read.
MAX_WORDS = 20_000


def save_page_words(connection: Connection, pages: Sequence[tuple[str, int, PageWords]]) -> None:
    """Keep the words of pages, given as (document id, page index, words)."""
    rows = [
        {"document_id": document_id, "page_index": index, "reader": words.reader.value, "words": packed(words)}
        for document_id, index, words in pages
    ]
    upsert(connection, PAGE_WORDS, rows)


def load_page_words(connection: Connection, document_id: str, page_index: int) -> PageWords | None:
    """Return the words of a page, None where they were never kept."""
    query = select(PAGE_WORDS).where(PAGE_WORDS.c.document_id == document_id, PAGE_WORDS.c.page_index == page_index)
    row = connection.execute(query).one_or_none()
    return None if row is None else replace(unpacked(row.words), reader=WordReader(row.reader))


def packed(page: PageWords) -> bytes:
    """Write words as compressed JSON: boxes to a hundred-thousandth of the page; of a turned page its turn, too."""
    listed = [
        [clean(word.text, max_chars=1_000), *(round(edge * 100_000) for edge in _edges(word.box)), round(word.score, 3)]
        for word in page.words[:MAX_WORDS]
    ]
    kept = {"turn": int(page.turn), "words": listed} if page.turn else listed
    return zlib.compress(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def unpacked(data: bytes) -> PageWords:
    """Read words that `packed` wrote; who read them is not among it."""
    kept = json.loads(zlib.decompress(data))
    listed, turn = (kept["words"], Turn(kept["turn"])) if isinstance(kept, dict) else (kept, Turn.NONE)
    words = (Word(text, Box(*(edge / 100_000 for edge in edges)), score) for text, *edges, score in listed)
    return PageWords(tuple(words), WordReader.NONE, turn=turn)


def _edges(box: Box) -> tuple[float, float, float, float]:
    return (box.x0, box.y0, box.x1, box.y1)
