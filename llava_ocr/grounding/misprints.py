"""Accounts and VAT ids that a page prints with a label and wrong check digits: no values, and worth a look. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llava_ocr.grounding.code_candidates import runs, stands_by_label
from llava_ocr.grounding.codes import compact, has_iban_shape, has_vat_shape, is_iban, is_vat
from llava_ocr.records import FieldReading, Finding
from llava_ocr.schema import GroupNode, LeafNode, leaves
from llava_ocr.words.layout import Layout


@dataclass(frozen=True)
class _Code:
    """A kind of code whose check digits tell a mistyped one."""

    has_shape: Callable[[str], bool]
    is_sound: Callable[[str], bool]
    message: str


_CODES = {
    "iban": _Code(has_iban_shape, is_iban, "a printed IBAN fails its checksum"),
    "vat": _Code(has_vat_shape, is_vat, "a printed VAT id fails its check digits"),
}


def misprinted(root: GroupNode, fields: Sequence[FieldReading], layouts: Mapping[int, Layout]) -> Iterator[Finding]:
    """Yield a finding for each kind of code that is printed wrongly and of which a field was left without a value."""
    absent = {reading.path for reading in fields if reading.value is None}
    # An e-invoice's XML or a person may have said that a code is right as it is.
    known = {reading.value for reading in fields if isinstance(reading.value, str)}
    for checksum, code in _CODES.items():
        nodes = [leaf for leaf in leaves(root) if leaf.leaf.checksum == checksum and leaf.path in absent]
        if any(_is_printed(layout, leaf, code, known) for leaf in nodes for layout in layouts.values()):
            yield Finding(checksum, code.message, tuple(leaf.path for leaf in nodes))


def _is_printed(layout: Layout, leaf: LeafNode, code: _Code, known: Collection[str]) -> bool:
    """Whether a code of this kind that is no field's value stands by a label of the leaf and fails its check."""
    for line, listed in enumerate(layout.lines):
        for at, segment in enumerate(listed.segments):
            wrong = list(runs(segment.text, lambda run, _: code.has_shape(run), starts_with_country=True))
            if not wrong or any(code.is_sound(run) or compact(run) in known for run in wrong):
                continue
            if stands_by_label(layout, leaf, (line, at), segment.text[: segment.text.find(wrong[0].split(" ")[0])]):
                return True
    return False
