"""Which end of a range a field means, told from its name, labels and hint. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from llava_ocr.grounding.dates import RangeEnd
from llava_ocr.prompts import fold
from llava_ocr.schema import LeafNode

# Words that say so by themselves, and those that may join others: they count alone, and in names.
_SURE: dict[RangeEnd, frozenset[str]] = {
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
}
_PLAIN: dict[RangeEnd, frozenset[str]] = {
    RangeEnd.FIRST: frozenset(("from", "von", "vom", "du", "de", "dal", "da", "des", "van", "low")),
    RangeEnd.LAST: frozenset(("to", "zum", "au", "al", "a", "high", "thru")),
}
# `Payable until` is a day of its own.
_OWN_DAY = frozenset("due payable pay paid payment fallig zahlbar zahlung echeance vencimiento scadenza verval".split())  # noqa: SIM905


@lru_cache(maxsize=1024)
def range_end_of(leaf: LeafNode) -> RangeEnd | None:
    """Return the end of a range that a field means, by its name, else its labels, else its hint; None for neither."""
    name = frozenset(leaf.name.casefold().split("_"))
    labels = [frozenset(fold(label).split()) for label in leaf.hint.labels]
    if any(said & _OWN_DAY for said in (name, *labels)):
        return None
    alone = [said for said in labels if len(said) == 1]
    hint = frozenset(fold(leaf.hint.text).split())
    ranked = (([name], _SURE), ([name], _PLAIN), (labels, _SURE), (alone, _PLAIN), ([hint], _SURE))
    return next((end for said, ends in ranked if (end := _told(said, ends)) is not None), None)


def _told(texts: Sequence[frozenset[str]], ends: Mapping[RangeEnd, frozenset[str]]) -> RangeEnd | None:
    # A label that speaks of both ends, `valid from - to`, is the range's own.
    told = {end for said in texts for end in ends if said & ends[end] and not _both(said)}
    return told.pop() if len(told) == 1 else None


def _both(words: frozenset[str]) -> bool:
    return all(words & (_SURE[end] | _PLAIN[end]) for end in RangeEnd)
