"""Which runs of words on a page are codes: accounts, VAT ids, countries, and codes of a schema's own pattern. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from llava_ocr.grounding.codes import CHECKSUMS, compact, is_national_vat, is_vat
from llava_ocr.grounding.countries import country_codes, country_of_name, first_words
from llava_ocr.grounding.months import fold_name
from llava_ocr.prompts import fold, fold_label
from llava_ocr.schema import LeafNode
from llava_ocr.words.layout import Layout, Line, Segment

# A code such as an IBAN is printed in at most this many words.
MAX_CODE_WORDS = 9
# The longest IBAN has 34 characters.
MAX_CODE_CHARS = 40
# Country names have at most this many words.
MAX_NAME_WORDS = 5
# Between a label and its code stand at most so many characters, folded: `VAT No. (if any)`.
MAX_AFTER_LABEL = 10

_CODE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-/]*")
_DIGIT = re.compile(r"\d")
# IBANs and VAT ids start with a country, in capitals.
_COUNTRY_START = re.compile(r"[A-Z]{2}")
_EDGES = ".,:;()[]"
# Where two letters are a country: before a postcode with its town, or behind both.
_POSTCODE = r"(?:\d{4,6}|\d{5}-\d{3,4}|\d{3} \d{2}|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})"
_BEFORE_POSTCODE = re.compile(r"(?:^|, ?)([A-Z]{2})[- ](?:\d{4,6}|\d{3} \d{2}) [^\W\d_]{2}")
# Their postcodes begin with letters: `CA-6707` is an article.
_LETTERED = frozenset(("CA", "GB", "IE"))
_BEHIND_POSTCODE = re.compile(rf"(?:^|[ ,]){_POSTCODE}(?: [^\d,(]{{2,40}})?(?:, ?| ?\()([A-Z]{{2}})\)?$")
_HOLDS_POSTCODE = re.compile(rf"(?<!\S){_POSTCODE}(?!\S)")
# `Atlanta, Georgia 30301` and `Wilmington, DE 19801` are in the United States.
_ZIP = re.compile(r"\d{5}(?:-\d{4})?")


def find_codes(layout: Layout, leaf: LeafNode) -> Iterator[str]:
    """Yield every text that could be the code of a leaf, in reading order; some come more than once."""
    if leaf.leaf.checksum == "country":
        yield from _countries(layout, leaf)
        return
    for number, line in enumerate(layout.lines):
        for at, segment in enumerate(line.segments):
            if leaf.leaf.checksum == "vat":
                yield from _vat_ids(layout, leaf, number, at)
            else:
                yield from runs(segment.text, _sound(leaf), starts_with_country=leaf.leaf.checksum == "iban")


def runs(text: str, is_sound: Callable[[str, str], bool], *, starts_with_country: bool) -> Iterator[str]:
    """Yield runs of words that are a code; `is_sound` is asked with the run as printed and without its spaces."""
    if starts_with_country and not (_DIGIT.search(text) and _COUNTRY_START.search(text)):
        return
    words = _code_words(text)
    for start, word in enumerate(words):
        if not starts_with_country or _COUNTRY_START.match(word):
            yield from _runs_from(words, start, is_sound)


def stands_by_label(layout: Layout, leaf: LeafNode, place: tuple[int, int], before: str) -> bool:
    """Whether a label of the leaf stands before a text on its line, or fills the segment above it.

    `place` are its line and segment, `before` is what its segment says before it.
    """
    labels = [folded for label in leaf.hint.labels if (folded := fold_label(label))]
    line, at = place
    said = _folded(" ".join([*(segment.text for segment in layout.lines[line].segments[:at]), before]))
    tails = (f" {said[-len(label) - MAX_AFTER_LABEL :]} " for label in labels)
    if any(f" {label} " in tail for label, tail in zip(labels, tails, strict=True)):
        return True
    own = layout.lines[line].segments[at]
    return not before.strip() and any(_folded(segment.text) in labels for segment in _above(layout.lines[:line], own))


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return fold(text)


def _sound(leaf: LeafNode) -> Callable[[str, str], bool]:
    pattern, check = re.compile(leaf.leaf.pattern, re.IGNORECASE), CHECKSUMS[leaf.leaf.checksum]
    return lambda text, joined: bool(pattern.fullmatch(joined) or pattern.fullmatch(text)) and check(text)


def _runs_from(words: Sequence[str], start: int, is_sound: Callable[[str, str], bool]) -> Iterator[str]:
    joined = ""
    for end in range(start + 1, min(start + MAX_CODE_WORDS, len(words)) + 1):
        part = compact(words[end - 1])
        joined += part
        if not part or len(joined) > MAX_CODE_CHARS or not joined.isascii():
            return
        text = " ".join(words[start:end])
        if is_sound(text, joined):
            yield text


def _vat_ids(layout: Layout, leaf: LeafNode, line: int, at: int) -> Iterator[str]:
    """VAT ids with their country, and those without it that a label says are one."""
    text = layout.lines[line].segments[at].text
    if not _DIGIT.search(text):
        return
    yield from runs(text, lambda run, _: is_vat(run), starts_with_country=True)
    words = _code_words(text)
    for start, word in enumerate(words):
        if _DIGIT.search(word) and stands_by_label(layout, leaf, (line, at), " ".join(text.split(" ")[:start])):
            # The longest run is the whole number.
            found = list(_runs_from(words, start, lambda run, _: is_national_vat(run)))
            if found:
                yield found[-1]
                return


def _countries(layout: Layout, leaf: LeafNode) -> Iterator[str]:
    for number, line in enumerate(layout.lines):
        for at, segment in enumerate(line.segments):
            yield from _country_names(segment.text)
            yield from _codes_by_postcode(segment.text)
            words = segment.text.split(" ")
            last = words[-1].strip(_EDGES)
            if last in country_codes():
                is_alone = len(words) == 1 and any(
                    _HOLDS_POSTCODE.search(above.text) for above in _above(layout.lines[:number], segment)
                )
                if is_alone or stands_by_label(layout, leaf, (number, at), " ".join(words[:-1])):
                    yield last


def _codes_by_postcode(text: str) -> Iterator[str]:
    before = (match[1] for match in _BEFORE_POSTCODE.finditer(text) if match[1] not in _LETTERED)
    behind = (match[1] for match in _BEHIND_POSTCODE.finditer(text))
    yield from (code for code in (*before, *behind) if code in country_codes())


def _country_names(text: str) -> Iterator[str]:
    words = [word.strip(_EDGES) for word in text.split(" ")]
    for start, word in enumerate(words):
        if not word or word[0].islower() or _first(word) not in first_words():
            continue
        for end in range(start + 1, min(start + MAX_NAME_WORDS, len(words)) + 1):
            name = " ".join(words[start:end])
            is_state = end < len(words) and _ZIP.fullmatch(words[end])
            if country_of_name(name) and not is_state:
                yield name


def _first(word: str) -> str:
    return fold_name(word).replace("’", "'").replace("-", " ").split(" ")[0].strip(_EDGES)


def _above(lines: Sequence[Line], segment: Segment) -> Iterator[Segment]:
    """What stands right above a segment, in the nearest line that has anything there."""
    for line in reversed(lines):
        found = [other for other in line.segments if other.box.x0 < segment.box.x1 and segment.box.x0 < other.box.x1]
        if found:
            yield from found
            return


def _code_words(text: str) -> list[str]:
    """Words with the label glued to them cut off: `IBAN:DE89` is `DE89`."""
    words = []
    for word in text.split(" "):
        parts = _CODE_PART.findall(word)
        words.append(parts[-1].rstrip(".-/") if parts else "-")
    return words
