"""Headings over parties: whose address stands below, told by the schema's labels and by the words letters use. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.prompts import fold
from llava_ocr.rulebook.page import RulePage
from llava_ocr.rulebook.roles import is_recipient, vocabulary
from llava_ocr.schema import GroupNode
from llava_ocr.words.layout import Segment

# A heading has at most this many words.
MAX_HEAD_WORDS = 4
# A section of labels and values under a heading is at most this many word heights high.
SECTION = 24.0
# Words of headings over somebody else: who gets the goods, who is taxed in another's place.
_THIRD = vocabulary(
    """ship shipped shipping deliver delivery delivered site lieferanschrift lieferadresse warenempfanger livraison
    intervention fiscal payee beneficiaire"""
)
_RECIPIENT = vocabulary(
    """bill billed billing sold recipient buyer customer client invoiced besteller auftraggeber kunde kaufer empfanger
    rechnungsempfanger rechnungsanschrift rechnungsadresse destinataire acheteur facturation"""
)
_SENDER = vocabulary(
    """seller vendor supplier from company issuer absender anbieter verkaufer lieferant aussteller rechnungssteller
    expediteur emetteur fournisseur vendeur societe prestataire"""
)


@dataclass(frozen=True, slots=True)
class Head:
    """A heading and the group it speaks of; `path` is empty where it is nobody's that the schema asks for."""

    path: str
    box: Box
    words: frozenset[int]


def find_heads(page: RulePage, groups: Sequence[GroupNode]) -> list[Head]:
    """Return the headings on the page: schema's labels that are captions, and short segments of known words."""
    heads = [
        Head(group.path, label.box, frozenset(label.words))
        for group in groups
        for label in page.labels_of(group)
        if label.is_whole and _is_short(page.segment_of[label.words[0]])
    ]
    taken = {index for head in heads for index in head.words}
    for segment in page.segments:
        if _is_short(segment) and not taken & set(segment.words):
            path = _path_of(segment, groups)
            if path is not None:
                heads.append(Head(path, segment.box, frozenset(segment.words)))
    return heads


def sections(page: RulePage, heads: Sequence[Head], path: str) -> Iterator[Box]:
    """What stands under a group's headings: down to the next heading, across to the one beside it."""
    for head in heads:
        if head.path != path:
            continue
        others = [other.box for other in heads if other is not head]
        beside = [
            box.x0 for box in others if abs(box.center_y - head.box.center_y) < page.height and box.x0 > head.box.x1
        ]
        right = min(beside, default=1.0)
        below = [box.y0 for box in others if box.y0 > head.box.y1 and head.box.x0 - 0.05 < box.x0 < right]
        bottom = min([*below, head.box.y1 + SECTION * page.height])
        yield Box(max(0.0, head.box.x0 - 0.02), head.box.y0, right, bottom)


def _is_short(segment: Segment) -> bool:
    return len(segment.words) <= MAX_HEAD_WORDS and not any(c.isdigit() for c in segment.text)


def _path_of(segment: Segment, groups: Sequence[GroupNode]) -> str | None:
    """The group a heading speaks of, empty for a third party, None where it is no heading."""
    words = set(fold(segment.text).split())
    if words & _THIRD:
        return ""
    for known, is_wanted in ((_RECIPIENT, True), (_SENDER, False)):
        # One known word among several others is a company's name.
        if words & known and len(words) <= 2 + bool(words & {"to", "de", "du", "a"}):
            return next((group.path for group in groups if is_recipient(group) is is_wanted), "")
    return None
