"""Which painted documents are kept: split by what a document was made of, each content once, groups in balance.

All of it is a pure function of the documents, so a data set can be painted again from its order alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, islice

from llava_ocr.errors import ConfigError
from llava_ocr.synth.base import Origin, PaintedDocument

# The families that stand for all others on a bare machine stay in training.
COMMON_FONTS = frozenset({"Helvetica", "Times", "Courier"})
# No document of a curated set needs more paintings than this; one in twelve is of a held-out template.
MAX_PAINTED_EACH = 100
# A balanced set is chosen out of this many times as many documents.
POOL = 4


class NotEnoughDocuments(ConfigError):
    """Too few painted documents are of the kind that is wanted."""

    hint = "Ask for fewer documents, or for fewer restrictions."


class Split(StrEnum):
    """Where a document belongs. A MIXED one has both seen and held-out parts and is used for neither."""

    TRAIN = "train"
    HELD_OUT = "held_out"
    MIXED = "mixed"


class Part(StrEnum):
    """What of a document may be held out: its issuer, its template family, its font family."""

    VENDOR = "vendor"
    TEMPLATE = "template"
    FONT = "font"


class Balance(StrEnum):
    """What a data set should have as much of each as it can."""

    LANGUAGE = "language"
    TEMPLATE = "template"
    FONT = "font"
    VENDOR = "vendor"
    PAGES = "pages"


# One issuer in eight, one font family in eight and one template family in twelve are held out.
ISSUER_PARTS, FONT_PARTS, FAMILY_PARTS = 8, 8, 12
ALL_PARTS = (Part.VENDOR, Part.TEMPLATE, Part.FONT)


@dataclass(frozen=True, slots=True)
class Curation:
    """An order for a data set. `parts` are kept apart, the first of them makes the hold-out; `split` None takes all."""

    split: Split | None = None
    parts: tuple[Part, ...] = ALL_PARTS
    is_unique: bool = False
    balance: Balance | None = None


AS_PAINTED = Curation()


def split_of(origin: Origin, parts: tuple[Part, ...] = ALL_PARTS) -> Split:
    """Tell a document's split: held out are those whose first part (the issuer, usually) is; the others are kept apart.

    A training document has no held-out part; a held-out one has a held-out issuer, in any font and template.
    """
    held = [_is_part_held_out(part, origin) for part in parts]
    if held and held[0]:
        return Split.HELD_OUT
    return Split.MIXED if any(held) else Split.TRAIN


def is_unseen(origin: Origin) -> bool:
    """Whether also the template family or the font were never trained on: the hardest part of the hold-out."""
    is_new = any(_is_part_held_out(part, origin) for part in (Part.TEMPLATE, Part.FONT))
    return split_of(origin) is Split.HELD_OUT and is_new


def _is_part_held_out(part: Part, origin: Origin) -> bool:
    match part:
        case Part.VENDOR:
            return is_held_out("issuer", origin.issuer, ISSUER_PARTS)
        case Part.TEMPLATE:
            return is_held_out("family", origin.family, FAMILY_PARTS)
        case Part.FONT:
            return origin.font not in COMMON_FONTS and is_held_out("font", origin.font, FONT_PARTS)


def is_held_out(kind: str, name: str, parts: int) -> bool:
    """Whether a name falls into the held-out one of `parts` equal shares of all names."""
    digest = hashlib.sha256(f"{kind}/{name}".encode()).digest()
    return int.from_bytes(digest[:8]) % parts == 0


def keep(documents: Iterable[PaintedDocument], split: Split) -> Iterator[PaintedDocument]:
    """Keep the documents of one split, each content once."""
    return unique(document for document in documents if split_of(document.origin) is split)


def unique(documents: Iterable[PaintedDocument]) -> Iterator[PaintedDocument]:
    """Keep each content once, in the look that comes first."""
    seen: set[str] = set()
    for document in documents:
        content = hashlib.sha256(repr(document.truth).encode()).hexdigest()
        if content not in seen:
            seen.add(content)
            yield document


def curate(
    paint: Callable[[int], PaintedDocument], num_documents: int, order: Curation, *, first_seed: int = 0
) -> Iterator[PaintedDocument]:
    """Paint seeds from `first_seed` on until `num_documents` are as ordered. Raises NotEnoughDocuments."""
    if order.balance is None:
        num_kept = 0
        for document in islice(_ordered(paint, num_documents, order, first_seed), num_documents):
            num_kept += 1
            yield document
        _require(num_kept, num_documents)
        return
    pool = islice(_ordered(paint, num_documents, order, first_seed), POOL * num_documents)
    groups = [(document.seed, group_of(document, order.balance)) for document in pool]
    _require(len(groups), num_documents)
    for seed in choose_balanced(groups, num_documents):
        yield paint(seed)


def _ordered(
    paint: Callable[[int], PaintedDocument], num_documents: int, order: Curation, first_seed: int
) -> Iterator[PaintedDocument]:
    seeds = islice(count(first_seed), MAX_PAINTED_EACH * num_documents)
    painted = (paint(seed) for seed in seeds)
    wanted = (each for each in painted if order.split in (None, split_of(each.origin, order.parts)))
    return unique(wanted) if order.is_unique else wanted


def _require(num_found: int, num_documents: int) -> None:
    if num_found < num_documents:
        raise NotEnoughDocuments(f"only {num_found:,} of {num_documents:,} documents are as ordered")


def group_of(document: PaintedDocument, balance: Balance) -> str:
    """Name the group that a document counts for."""
    match balance:
        case Balance.LANGUAGE:
            return document.language
        case Balance.TEMPLATE:
            return document.origin.family
        case Balance.FONT:
            return document.origin.font
        case Balance.VENDOR:
            return document.origin.issuer
        case Balance.PAGES:
            return str(len(document.pages))


def choose_balanced(seeds: Iterable[tuple[int, str]], num_wanted: int) -> list[int]:
    """Choose seeds by turns from their groups, so that no group has more than another but where that one has no more.

    The seeds come back in rising order.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for seed, group in seeds:
        groups[group].append(seed)
    by_turns = sorted((turn, seed) for listed in groups.values() for turn, seed in enumerate(sorted(listed)))
    return sorted(seed for _, seed in by_turns[:num_wanted])
