"""Which VAT id is whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llava_ocr.geometry import Box
from llava_ocr.rulebook.addresses import Address
from llava_ocr.rulebook.fields import near
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.roles import is_recipient
from llava_ocr.schema import GroupNode, Hint, Iban, LeafNode, leaf_of

_IBAN = LeafNode("", "", leaf_of(Iban), Hint(""))
# An id stands at most this many word heights below the address it belongs to.
REACH_BELOW = 5.0
# Labels of a section begin at its heading's left edge, give or take this share of the page's width.
ALIGNED = 0.05


def read_vat_ids(
    page: RulePage, groups: Sequence[GroupNode], owned: Mapping[str, Address], *, sections: Mapping[str, Sequence[Box]]
) -> dict[str, Value]:
    """Return VAT ids by path: a party's stands in its section or below its address; the sender's may stand anywhere."""
    found: dict[str, Value] = {}
    taken: set[str] = set()
    for group in sorted(groups, key=is_recipient, reverse=True):
        leaf = next((child for child in group.children if isinstance(child, LeafNode) and is_vat_leaf(child)), None)
        if leaf is None:
            continue
        free = [value for value in _candidates(page, leaf) if value.text not in taken]
        around = _around(page, owned.get(group.path))
        inside = [value for value in free if any(box.intersection(value.box).area > 0 for box in around)]
        inside = inside or _in_sections(page, leaf, free, sections=sections.get(group.path, ()))
        chosen = inside or ([] if is_recipient(group) else free)
        if chosen:
            found[leaf.path] = chosen[0]
            taken.add(chosen[0].text)
    return found


def is_vat_leaf(leaf: LeafNode) -> bool:
    """Whether a field is a VAT id."""
    return leaf.leaf.checksum == "vat"


def _candidates(page: RulePage, leaf: LeafNode) -> list[Value]:
    """VAT ids, those with a label first; not the heads of IBANs."""
    accounts = {index for value in page.placed(_IBAN) for index in value.words}
    free = [value for value in page.placed(leaf) if not accounts & set(value.words)]
    labelled = {value for label in page.labels_of(leaf) for _, value in near(page, label, leaf)}
    return sorted(free, key=lambda value: value not in labelled)


def _in_sections(page: RulePage, leaf: LeafNode, free: Sequence[Value], *, sections: Sequence[Box]) -> list[Value]:
    """Those whose label begins where the section's heading does."""
    labels = [
        label
        for label in page.labels_of(leaf)
        for box in sections
        if box.intersection(label.box).area > 0 and abs(label.box.x0 - box.x0) < ALIGNED
    ]
    near_them = {value for label in labels for _, value in near(page, label, leaf)}
    return [value for value in free if value in near_them]


def _around(page: RulePage, address: Address | None) -> list[Box]:
    if address is None or address.is_one_line:
        return []
    box = address.box
    return [Box(box.x0, box.y0, box.x1, min(1.0, box.y1 + REACH_BELOW * page.height))]
