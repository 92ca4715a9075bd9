"""Word lists of the painted documents: goods per industry, units, roles, and how things are labelled."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def read_words(name: str) -> Any:
    """Read one word list of this package's `data` folder."""
    return json.loads((files("llava_ocr.synth") / "data" / f"{name}.json").read_text("utf-8"))


INDUSTRIES: dict[str, dict[str, Any]] = read_words("goods")
TRADE: dict[str, Any] = read_words("trade")
PLACES: dict[str, Any] = read_words("places")
CALENDAR: dict[str, Any] = read_words("calendar")
WORDING: dict[str, dict[str, list[str]]] = {
    language: read_words(f"wording.{language}") | read_words(f"patterns.{language}") for language in ("en", "de", "fr")
}
