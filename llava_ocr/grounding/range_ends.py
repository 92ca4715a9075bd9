"""Which end of a range a field means, told from its name, labels and hint. Pure."""

from __future__ import annotations

from functools import lru_cache

from llava_ocr.grounding.dates import RangeEnd
from llava_ocr.prompts import fold
from llava_ocr.schema import LeafNode

# Words that say so by themselves, then those that may have other meanings.
_WORDS: tuple[dict[RangeEnd, frozenset[str]], ...] = (
    {
        RangeEnd.FIRST: frozenset(
            """start starts starting begin begins beginning commencement inception since first lower minimum min beginn
            anfang startdatum anfangsdatum ab untere mindest debut depuis premier inicio comienzo desde minimo inizio
            decorrenza vanaf aanvang begindatum ingangsdatum effective od""".split()  # noqa: SIM905
        ),
        RangeEnd.LAST: frozenset(
            """end ends ending until till through last upper maximum max expiry expires expiration ende enddatum bis
            obere hochst ablauf fin jusqu jusque dernier final hasta maximo fine termine fino einde einddatum tot
            do""".split()  # noqa: SIM905
        ),
    },
    {
        RangeEnd.FIRST: frozenset(("from", "von", "vom", "du", "de", "dal", "da", "des", "van", "low")),
        RangeEnd.LAST: frozenset(("to", "zum", "au", "al", "a", "high", "thru")),
    },
)
# `Payable until` is a day of its own.
_OWN_DAY = frozenset("due payable pay paid payment fallig zahlbar zahlung echeance vencimiento scadenza verval".split())  # noqa: SIM905


@lru_cache(maxsize=1024)
def range_end_of(leaf: LeafNode) -> RangeEnd | None:
    """Return the end of a range that a field means, by its name, else its labels, else its hint; None for neither."""
    for texts in ((leaf.name.replace("_", " "),), leaf.hint.labels, (leaf.hint.text,)):
        words = [set(fold(text).split()) for text in texts]
        if any(said & _OWN_DAY for said in words):
            return None
        for ends in _WORDS:
            # A label that speaks of both ends, `valid from - to`, is the range's own.
            told = {end for said in words for end in ends if said & ends[end] and not _both(said)}
            if len(told) == 1:
                return told.pop()
    return None


def _both(words: set[str]) -> bool:
    return all(any(words & ends[end] for ends in _WORDS) for end in RangeEnd)
