"""Which painted documents are for training and which are held out: a pure function of what a document was made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum

from llava_ocr.synth.base import Origin, PaintedDocument

# One issuer in eight, one font family in eight and one template family in twelve are held out.
ISSUER_PARTS, FONT_PARTS, FAMILY_PARTS = 8, 8, 12
# The families that stand for all others on a bare machine stay in training.
COMMON_FONTS = frozenset({"Helvetica", "Times", "Courier"})


class Split(StrEnum):
    """Where a document belongs. A MIXED one has both seen and held-out parts and is used for neither."""

    TRAIN = "train"
    HELD_OUT = "held_out"
    MIXED = "mixed"


def split_of(origin: Origin) -> Split:
    """Tell a document's split: held out are those whose issuer is held out; fonts and templates are kept apart too.

    A training document has no held-out part; a held-out one has a held-out issuer, in any font and template.
    """
    if is_held_out("issuer", origin.issuer, ISSUER_PARTS):
        return Split.HELD_OUT
    has_new_font = origin.font not in COMMON_FONTS and is_held_out("font", origin.font, FONT_PARTS)
    if has_new_font or is_held_out("family", origin.family, FAMILY_PARTS):
        return Split.MIXED
    return Split.TRAIN


def is_unseen(origin: Origin) -> bool:
    """Whether also the template family or the font were never trained on: the hardest part of the hold-out."""
    has_new_font = origin.font not in COMMON_FONTS and is_held_out("font", origin.font, FONT_PARTS)
    is_new = has_new_font or is_held_out("family", origin.family, FAMILY_PARTS)
    return split_of(origin) is Split.HELD_OUT and is_new


def is_held_out(kind: str, name: str, parts: int) -> bool:
    """Whether a name falls into the held-out one of `parts` equal shares of all names."""
    digest = hashlib.sha256(f"{kind}/{name}".encode()).digest()
    return int.from_bytes(digest[:8]) % parts == 0


def keep(documents: Iterable[PaintedDocument], split: Split) -> Iterator[PaintedDocument]:
    """Keep the documents of one split, each content once."""
    seen: set[str] = set()
    for document in documents:
        content = hashlib.sha256(repr(document.truth).encode()).hexdigest()
        if split_of(document.origin) is split and content not in seen:
            seen.add(content)
            yield document
