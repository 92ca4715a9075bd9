"""Where a list ends: at the row that is the sum of those above it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llava_ocr.grounding.typed import Conventions
from llava_ocr.prompts import fold
from llava_ocr.rulebook.figures import figure_of
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.roles import amount_role

Row = dict[str, Value]
# Half of the smallest coin.
EXACT = 0.005
# What speaks of a total is short; goods have longer names.
MAX_CAPTION_WORDS = 4
# German joins words.
_TAILS = ("summe", "betrag", "total")


def names_a_sum(text: str) -> bool:
    """Whether a few words beside an amount speak of a total: `Positionssumme`, `Net total`."""
    words = fold(text).split()
    if not 0 < len(words) <= MAX_CAPTION_WORDS:
        return False
    return amount_role(text) is not None or any(word.endswith(_TAILS) for word in words)


def until_subtotal(page: RulePage, rows: Sequence[Row], path: str) -> list[Row]:
    """Return the rows above the first that only repeats what they make together; all where none does.

    One row is repeated by a poorer one, several by any: a list of goods holds its own sum by chance only.
    """
    mark = Conventions([page.layout]).decimal_mark
    total, richest, num_summands = 0.0, 0, 0
    for at, row in enumerate(rows):
        figure = figure_of(row[path], mark) if path in row else None
        if figure is None:
            continue
        amount = figure.amounts[0]
        repeats = num_summands > 0 and total != 0 and abs(total - amount) < EXACT
        if repeats and (num_summands > 1 or len(row) < richest):
            return list(rows[:at])
        total += amount
        num_summands += 1
        richest = max(richest, len(row))
    return list(rows)
