"""How much of what was written into a document is found in it again: words at their boxes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llava_ocr.records import Word

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class WordBoxes:
    """Words written, words found, and those of one text at one place."""

    num_written: int = 0
    num_found: int = 0
    num_matched: int = 0

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the shares of written and of found words that match; None where there are none."""
        total = self.num_written + self.num_found
        return 2 * self.num_matched / total if total else None

    def __add__(self, other: WordBoxes) -> WordBoxes:
        return WordBoxes(
            self.num_written + other.num_written,
            self.num_found + other.num_found,
            self.num_matched + other.num_matched,
        )


def match_words(written: Sequence[Word], found: Iterable[Word]) -> WordBoxes:
    """Pair words of equal text whose boxes share at least half of their union, each word once."""
    free: dict[str, list[Word]] = defaultdict(list)
    num_found = 0
    for word in found:
        num_found += 1
        free[word.text].append(word)
    num_matched = 0
    for word in written:
        best = max(free[word.text], key=lambda other: word.box.iou(other.box), default=None)
        if best is not None and word.box.iou(best.box) >= MIN_IOU:
            free[word.text].remove(best)
            num_matched += 1
    return WordBoxes(len(written), num_found, num_matched)
