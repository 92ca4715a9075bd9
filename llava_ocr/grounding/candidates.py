"""What on a page could be the value of a typed field: every text that parses as its kind. Pure.

The grammar of a typed field is exactly this list, so what is missing here can't be read: better one too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from llava_ocr.grounding.amounts import Printed, find_amounts
from llava_ocr.grounding.code_candidates import find_codes
from llava_ocr.grounding.currencies import WORDS, currency_readings, is_name, plain_codes, symbols
from llava_ocr.grounding.dates import date_readings, find_date_ranges, find_dates
from llava_ocr.grounding.number_shapes import GAP, WIDE, plain
from llava_ocr.grounding.range_ends import range_end_of
from llava_ocr.schema import Kind, Leaf, LeafNode, Money, leaf_of
from llava_ocr.words.layout import Layout, Line

# Words of one number stand at most this many word heights apart.
DIGIT_GAP = 0.65

# A letter before a sign makes another sign of it: `R$`.
_MARKS = re.compile(r"(?<![^\W\d_])[€£$¥￥₹₺₽₩₪₫₱₴₦₡₸₼₾฿]")
_CAPITALS = re.compile(r"(?<![^\W_])[A-Z]{3}(?![^\W_])")
_BRACKETED = re.compile(r"[(\[]([^\s()\[\]]{1,8})[)\]]")
_ANNOUNCED = re.compile(r"(?:^|: ?)([^\s\d:]{1,12})[.,;]?$|\s([^\s\d:]{1,12})[.,;]?$")
_SIDES = re.compile(r"[.,]\d\d ?([SH])(?!\w)")
_SIDE_BEHIND = re.compile(r" ?(?:EUR|€)? ?[SH](?!\w)")
# Thousands that are marked otherwise than by a space, or not at all.
_GROUPED = re.compile(r"\d[.']\d{3},\d|\d[,']\d{3}\.\d|\d{4}[.,]\d\d(?!\d)")
_AMOUNT_LEAF = leaf_of(Money)


@dataclass(frozen=True, slots=True)
class PlacedAmount:
    """An amount as printed, the words it is made of, and the one where its figures end, which columns are set by.

    `is_doubtful` tells that it may be less than zero or not.
    """

    text: str
    words: tuple[int, ...]
    end: int
    is_doubtful: bool = False


# What decides which texts are candidates of a leaf: its kind, and where that is not all, its labels or its meaning.
CandidateKey = tuple[Leaf, tuple[str, ...]]

_CACHE: WeakKeyDictionary[Layout, dict[CandidateKey, tuple[str, ...]]] = WeakKeyDictionary()
_AMOUNTS: WeakKeyDictionary[Layout, tuple[PlacedAmount, ...]] = WeakKeyDictionary()

_ENDS: WeakKeyDictionary[Layout, dict[int, tuple[PlacedAmount, ...]]] = WeakKeyDictionary()


def spans(layout: Layout, leaf: LeafNode) -> tuple[str, ...]:
    """Every text on the page that could be a value of `leaf`, in reading order, each once.

    Amounts come without currency but with their minus sign; dates and codes as printed, words joined by one space.
    """
    known = _CACHE.setdefault(layout, {})
    key = candidate_key(leaf)
    if key not in known:
        known[key] = tuple(dict.fromkeys(_found(layout, leaf)))
    return known[key]


def candidate_key(leaf: LeafNode) -> CandidateKey:
    """Return a key that leaves share whose candidates are the same."""
    # Money and numbers are printed alike.
    if leaf.leaf.kind is Kind.NUMBER:
        return _AMOUNT_LEAF, ()
    if leaf.leaf.checksum in ("vat", "country"):
        return leaf.leaf, leaf.hint.labels
    return leaf.leaf, ("range",) if leaf.leaf.kind is Kind.DATE and range_end_of(leaf) else ()


def amounts_on(layout: Layout) -> tuple[PlacedAmount, ...]:
    """Every amount of the page at each of its places, in reading order."""
    if layout not in _AMOUNTS:
        joint = _joint_within(layout)
        lines = [_LineText(layout, line, joint) for line in layout.lines]
        has_sides = _has_sides(lines)
        _AMOUNTS[layout] = tuple(amount for line in lines for amount in line.amounts(has_sides=has_sides))
    return _AMOUNTS[layout]


def amounts_by_end(layout: Layout) -> Mapping[int, tuple[PlacedAmount, ...]]:
    """The page's amounts by the word where their figures end."""
    if layout not in _ENDS:
        ends: dict[int, tuple[PlacedAmount, ...]] = {}
        for amount in amounts_on(layout):
            ends[amount.end] = (*ends.get(amount.end, ()), amount)
        _ENDS[layout] = ends
    return _ENDS[layout]


class _LineText:
    """A line as amounts are looked for in it, and the word that each of its characters belongs to."""

    def __init__(self, layout: Layout, line: Line, joint_within: float) -> None:
        parts: list[str] = []
        self._owners: list[int] = []
        for number, segment in enumerate(line.segments):
            for at, index in enumerate(segment.words):
                joint = (
                    (GAP if number else "") if not at else _joint(layout, segment.words[at - 1 : at + 1], joint_within)
                )
                parts += [joint, layout.words[index].text]
                self._owners += [-1] * len(joint) + [index] * len(layout.words[index].text)
        self.text = "".join(parts)

    def amounts(self, *, has_sides: bool) -> Iterator[PlacedAmount]:
        """Yield the line's amounts."""
        for printed in find_amounts(self.text):
            is_doubtful = printed.is_doubtful or (has_sides and bool(_SIDE_BEHIND.match(self.text, printed.end)))
            end = self._owners[printed.figures[1] - 1]
            yield PlacedAmount(self._cut(printed), self._words(printed), end, is_doubtful)

    def currencies(self) -> Iterator[tuple[int, str]]:
        """Yield what stands beside the line's amounts as their currency, and where."""
        for printed in find_amounts(self.text):
            for start, end in printed.currency:
                yield start, self.text[start:end].rstrip(".")

    def _cut(self, printed: Printed) -> str:
        return self.text[printed.start : printed.end].replace(GAP, " ").replace(WIDE, " ")

    def _words(self, printed: Printed) -> tuple[int, ...]:
        owners = self._owners[printed.start : printed.end]
        return tuple(dict.fromkeys(owner for owner in owners if owner >= 0))


def _joint(layout: Layout, pair: Sequence[int], within: float) -> str:
    """What parts two words of a segment: more than a space, or one."""
    left, right = (layout.words[index].box for index in pair)
    return WIDE if (right.x0 - left.x1) * layout.aspect > within else " "


def _joint_within(layout: Layout) -> float:
    """How far apart words of one number may stand: nowhere where numbers are grouped by another mark, or not at all."""
    is_marked = any(_GROUPED.search(plain(word.text)) for word in layout.words)
    return -1.0 if is_marked else DIGIT_GAP * layout.word_height


def _has_sides(lines: list[_LineText]) -> bool:
    """Whether amounts are marked S and H, the sides of a German account: which of them is less than zero, is open."""
    return len({match[1] for line in lines for match in _SIDES.finditer(line.text)}) == 2


def _found(layout: Layout, leaf: LeafNode) -> Iterable[str]:
    if leaf.leaf.kind in (Kind.MONEY, Kind.NUMBER):
        return [amount.text for amount in amounts_on(layout)]
    if leaf.leaf.kind is Kind.DATE:
        return _found_with_ranges(layout) if range_end_of(leaf) else _dates(layout)
    if leaf.leaf.checksum == "currency":
        return [text for line in layout.lines for text in _currencies(layout, line)]
    return find_codes(layout, leaf)


def _found_with_ranges(layout: Layout) -> list[str]:
    """Dates, ends of ranges among them, and ranges of which an end is printed without its year."""
    found: list[str] = []
    for text in (segment.text for line in layout.lines for segment in line.segments):
        found += [text[start:end] for start, end in find_dates(text, with_ranges=True)]
        for one in find_date_ranges(text):
            if not all(date_readings(text[start:end]) for start, end in (one.first, one.last)):
                found.append(text[one.start : one.end])
    return found


def _dates(layout: Layout) -> Iterator[str]:
    for text in (segment.text for line in layout.lines for segment in line.segments):
        yield from (text[start:end] for start, end in find_dates(text))


def _currencies(layout: Layout, line: Line) -> Iterator[str]:
    """Currencies beside amounts, signs and codes anywhere, abbreviations and names where a column or label has them."""
    found = list(_LineText(layout, line, 0.0).currencies())
    start = 0
    for segment in line.segments:
        text = segment.text
        found += [(start + match.start(), match[0]) for match in _MARKS.finditer(text)]
        found += [(start + match.start(), match[0]) for match in _CAPITALS.finditer(text) if match[0] in plain_codes()]
        named = [*_BRACKETED.finditer(text), *_ANNOUNCED.finditer(text)]
        found += [(start + match.start(), word) for match in named if (word := _currency_word(match))]
        plain = (word.strip(".,:;()[]") for word in text.split(" "))
        found += [(start, word) for word in plain if currency_readings(word) == ("EUR",)]
        start += len(text) + 1
    yield from (text for _, text in sorted(found, key=lambda entry: entry[0]))


def _currency_word(match: re.Match[str]) -> str:
    word = next(group for group in match.groups() if group is not None).rstrip(".,;")
    # `Amount CAD` heads a column, `parts for all cars, ALL` does not.
    is_word = word in WORDS and len(match.string.split(" ")) > 2
    return word if (is_name(word) or word in symbols()) and not is_word else ""
