"""The painted truth as an engine would say it, and what of a reading differs from it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from llava_ocr.engines.base import Request
from llava_ocr.synth.base import PaintedDocument

_PAGES = re.compile(r"(?:\d+/|page )?(\d+)(?:-(\d+))?(?:\.\w+)?(?:@([\d.]+)-([\d.]+))?\+?")


def say_truth(document: PaintedDocument) -> Callable[[Request], str]:
    """The script that answers requests about a document with what is printed on the pages, or the band, asked about."""

    def script(request: Request) -> str:
        match = _PAGES.fullmatch(request.id)
        assert match is not None and request.grammar is not None, request.id
        pages = range(int(match[1]), int(match[2] or match[1]) + 1)
        band = (float(match[3]), float(match[4])) if match[3] else (0.0, 1.0)
        told = _printed(document, pages, band)
        return json.dumps(_filled(request.grammar.json_schema, "", told), separators=(",", ":"), ensure_ascii=False)

    return script


def wrong_cells(document: PaintedDocument, values: Mapping[str, Any], name: str) -> Counter[str]:
    """Count, by column, the cells of a list that are not as painted; rows too many or too few count as `rows`."""
    truth, found = document.truth[name], values[name]
    wrong: Counter[str] = Counter()
    if len(truth) != len(found):
        wrong["rows"] = abs(len(truth) - len(found))
    for expected, row in zip(truth, found, strict=False):
        wrong.update(column for column, text in expected.items() if not _is_same(text, row.get(column)))
    return wrong


def _is_same(text: str | None, value: object) -> bool:
    if text is None or value is None:
        return text is None and value is None
    if isinstance(value, Decimal):
        return Decimal(text) == value
    return text == (value.isoformat() if isinstance(value, date) else value)


def _printed(document: PaintedDocument, pages: range, band: tuple[float, float]) -> dict[str, str]:
    """What is first printed of each leaf on these pages within the band."""
    found: dict[str, str] = {}
    for value in document.printed:
        if value.page_index not in pages:
            continue
        words = document.pages[value.page_index].words
        # The name of a request has its band to four places.
        if band[0] <= round(words[value.words[0]].box.center_y, 4) <= band[1]:
            found.setdefault(value.path, value.text)
    return found


def _filled(shape: Mapping[str, Any], path: str, told: Mapping[str, str]) -> Any:
    if shape.get("type") == "object":
        dot = f"{path}." if path else ""
        return {name: _filled(part, f"{dot}{name}", told) for name, part in shape["properties"].items()}
    if shape.get("type") == "array":
        return [_filled(shape["items"], f"{path}[{index}]", told) for index in _indices(path, told)]
    return told.get(path)


def _indices(path: str, told: Mapping[str, str]) -> list[int]:
    start = f"{path}["
    return sorted({int(name[len(start) :].partition("]")[0]) for name in told if name.startswith(start)})
