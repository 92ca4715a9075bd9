"""An engine that answers with what was painted: the truth as printed, page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llava_ocr.engines.base import Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.synth.base import PaintedDocument, PrintedValue

Values = dict[str, str]


class TruthfulEngine(ScriptedEngine):
    """Knows the documents in the order in which they are listed."""

    def __init__(self, documents: Sequence[PaintedDocument]) -> None:
        super().__init__(say_truth(documents))


def say_truth(documents: Sequence[PaintedDocument]) -> Callable[[Request], str]:
    def script(request: Request) -> str:
        number, window = request.id.split("/")
        page_index = int(window.split(".")[0])
        assert request.grammar is not None
        said = printed_on(documents[int(number)], page_index)
        answer = fill(request.grammar.json_schema, "", {path: one.text for path, one in said.items()})
        return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)

    return script


def printed_on(document: PaintedDocument, page_index: int) -> dict[str, PrintedValue]:
    """What is first printed of each leaf on a page."""
    found: dict[str, PrintedValue] = {}
    for value in document.printed:
        if value.page_index == page_index:
            found.setdefault(value.path, value)
    return found


def fill(shape: Mapping[str, Any], path: str, values: Values) -> Any:
    if shape.get("type") == "object":
        dot = f"{path}." if path else ""
        return {name: fill(part, f"{dot}{name}", values) for name, part in shape["properties"].items()}
    if shape.get("type") == "array":
        return [fill(shape["items"], f"{path}[{index}]", values) for index in row_indices(path, values)]
    return values.get(path)


def row_indices(path: str, values: Values) -> list[int]:
    found = (re.match(rf"{re.escape(path)}\[(\d+)\]", name) for name in values)
    return sorted({int(match[1]) for match in found if match})
