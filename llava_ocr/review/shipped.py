"""What the shipped confidence was found to be worth, on painted documents that nothing was learnt from."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def shipped_figures() -> dict[str, Any]:
    """Return the figures that `Reliability` has, as plain values, with the wanted `precision`."""
    kept: dict[str, Any] = json.loads((files("llava_ocr.grounding") / "certainty.json").read_text("utf-8"))
    return dict(kept["figures"])
