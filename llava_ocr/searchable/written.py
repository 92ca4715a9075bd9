"""What became of a document that was to be made searchable. A pure value, for processes without PyMuPDF, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """What became of a document: its pages that have a new layer, and why others that wanted one have none."""

    layered: tuple[int, ...]
    left: Mapping[int, str]
    num_words: int = 0
