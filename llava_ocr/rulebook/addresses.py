"""Addresses on a page: by their postcode, the street above it and the name above that. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box, union
from llava_ocr.grounding.countries import country_code
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.words.layout import Segment

LEGAL_FORM = re.compile(
    r"\b(?:(?i:gmbh|mbh|kgaa|ohg|gbr|ltd|limited|llc|llp|inc|corp|corporation|plc|sarl|sasu|eurl|bvba|sdn\.? ?bhd|bhd"
    r"|pty|pte|s\.a\.r\.l|s\.r\.l|s\.p\.a|sp\. z ?o\. ?o|s\.r\.o|e\. ?k|e\. ?v|e\. ?u|a\.g|b\.v|n\.v|s\.a\.s)"
    r"|AG|KG|UG|SE|SA|SAS|SNC|SCI|BV|NV|Oy|ApS|SpA|Srl|S\.A\.)(?!\w)"
)
# A postcode word, bare or after its country: 12345, D-12345, 1010, 75 001 is left out.
_POSTCODE = re.compile(r"(?:[A-Z]{1,3}-)?\d{4,6}")
_ZIP = re.compile(r"\d{5}(?:-\d{4})?")
_UK_OUT, _UK_IN = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?"), re.compile(r"\d[A-Z]{2}")
_PARTING = frozenset("·•∙●▪|*–—-,/")
_SALUTATION = re.compile(r"(?:an|herrn?|frau|firma|messrs|mrs?|ms|m|mme|monsieur|madame|attn|à)\.?:?", re.IGNORECASE)
# A recipient has a name, a department, a person and a street at most above the postcode.
MAX_LINES_ABOVE = 5
# Lines of one address stand at most this many word heights apart.
MAX_LEADING = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Who, where; each part may be missing. `is_one_line` is a sender's line, as stands above address windows."""

    name: Value | None
    street: Value | None
    postcode: Value | None
    city: Value | None
    country: Value | None
    box: Box
    is_one_line: bool


def find_addresses(page: RulePage, heads: frozenset[int] = frozenset()) -> list[Address]:
    """Return the addresses on the page in reading order; none reaches over words of `heads`."""
    found = []
    for segment in page.segments:
        address = _one_line(page, segment) or _of_block(page, segment, heads)
        if address is not None:
            found.append(address)
    return found


def _texts(page: RulePage, words: Sequence[int]) -> list[str]:
    return [page.layout.words[index].text for index in words]


def _town(page: RulePage, words: Sequence[int]) -> tuple[list[int], list[int]] | None:
    """Split words into postcode and town: `12345 Town`, `Town, ST 12345`, `Town AB1 2CD`."""
    texts = [text.strip(",;") for text in _texts(page, words)]
    listed = list(words)
    for at, text in enumerate(texts[:2]):
        is_town = at + 1 < len(texts) and texts[at + 1][:1].isalpha() and len(texts[at + 1]) > 1
        if is_town and _POSTCODE.fullmatch(text) and (at == 0 or len(texts[0]) <= 3):
            town = _until_parted(page, listed[at + 1 :])
            return ([listed[at]], town) if town else None
    if len(texts) >= 3 and _UK_OUT.fullmatch(texts[-2]) and _UK_IN.fullmatch(texts[-1]):
        return listed[-2:], listed[:-2]
    if len(texts) >= 3 and _ZIP.fullmatch(texts[-1]) and re.fullmatch("[A-Z]{2}", texts[-2]):
        return [listed[-1]], listed[:-2]
    return None


def _until_parted(page: RulePage, words: Sequence[int]) -> list[int]:
    """Words up to the first that is a mark, ends in one, or holds a figure; a town has at most four."""
    kept: list[int] = []
    for index in words[:4]:
        text = page.layout.words[index].text
        if text in _PARTING or any(c.isdigit() for c in text):
            break
        kept.append(index)
        if text.endswith((",", ";")):
            break
    return kept


def _one_line(page: RulePage, segment: Segment) -> Address | None:
    parts = list(_parts(page, segment.words))
    if len(parts) < 3:
        return None
    at, town = next(
        ((n, town) for n, part in reversed(list(enumerate(parts))) if n and (town := _town(page, part))), (0, None)
    )
    if town is None or at < 2:
        return None
    country = next((value for part in parts[at + 1 :] if (value := _country(page, part))), None)
    street = next((n for n in range(at - 1, 0, -1) if any(c.isdigit() for c in " ".join(_texts(page, parts[n])))), 1)
    return Address(
        page.value(parts[0]),
        page.value(parts[street]),
        page.value(town[0]),
        page.value(town[1]),
        country,
        segment.box,
        is_one_line=True,
    )


def _parts(page: RulePage, words: Sequence[int]) -> Iterator[list[int]]:
    """Split words at marks that stand alone or end a word."""
    part: list[int] = []
    for index in words:
        text = page.layout.words[index].text
        if text in _PARTING:
            if part:
                yield part
            part = []
            continue
        part.append(index)
        if text.endswith((",", ";")):
            yield part
            part = []
    if part:
        yield part


def _of_block(page: RulePage, segment: Segment, heads: frozenset[int]) -> Address | None:
    """The address whose last line, or last but a country, is `segment`."""
    above = _above(page, segment, heads)
    town, street = _town(page, segment.words), None
    if town is None:
        # `Street 1, 12345 Town`
        parts = list(_parts(page, segment.words))
        town, street = (_town(page, parts[1]), parts[0]) if len(parts) == 2 else (None, None)
    if town is None or not above:
        return None
    names = above
    has_street_above = len(above) > 1 or not LEGAL_FORM.search(above[0].text)
    if street is None and has_street_above:
        street, names = list(above[0].words), above[1:]
    return Address(
        _name(page, names),
        page.value(street) if street else None,
        page.value(town[0]),
        page.value(town[1]),
        _country_near(page, segment, town),
        union([segment.box, *(other.box for other in above)]),
        is_one_line=False,
    )


def _country_near(page: RulePage, segment: Segment, town: tuple[list[int], list[int]]) -> Value | None:
    """The country on the line below, else before the postcode or behind the town."""
    words = segment.words
    first, last = words.index(town[0][0]), max(map(words.index, town[1]))
    below = _below(page, segment)
    places = (below.words if below else (), words[:first][-1:], words[last + 1 :])
    return next((value for place in places if place and (value := _country(page, place))), None)


def _name(page: RulePage, above: Sequence[Segment]) -> Value | None:
    """The line with a legal form, else the top one; `above` runs upwards."""
    if not above:
        return None
    named = [segment for segment in above if LEGAL_FORM.search(segment.text)]
    called = [segment for segment in above if not _SALUTATION.fullmatch(segment.text)]
    return page.value((named or called or above)[-1].words)


def _above(page: RulePage, segment: Segment, heads: frozenset[int]) -> list[Segment]:
    """Segments that stack up above this one at the same left edge, nearest first; up to a label or another address."""
    found: list[Segment] = []
    last = segment
    for other in reversed(page.segments):
        if other.line >= last.line or len(found) == MAX_LINES_ABOVE:
            continue
        gap = last.box.y0 - other.box.y1
        if gap > MAX_LEADING * page.height:
            break
        if abs(other.box.x0 - segment.box.x0) * page.layout.aspect > page.height:
            continue
        if heads & set(other.words) or _ends_address(page, other):
            break
        found.append(other)
        last = other
    return found


def _ends_address(page: RulePage, segment: Segment) -> bool:
    """Whether a segment is something else than a line of an address: a label, a sentence, another address."""
    is_captioned = any(index in page.captions for index in segment.words)
    is_other = is_captioned or ":" in segment.text or len(list(_parts(page, segment.words))) > 2
    return bool(is_other or (page.printed_labels & set(segment.words) and not LEGAL_FORM.search(segment.text)))


def _below(page: RulePage, segment: Segment) -> Segment | None:
    near = (
        other
        for other in page.segments
        if other.line > segment.line and 0 <= other.box.y0 - segment.box.y1 + 0.5 * page.height < 1.5 * page.height
    )
    return next(
        (o for o in near if abs(o.box.x0 - segment.box.x0) * page.layout.aspect <= page.height),
        None,
    )


def _country(page: RulePage, words: Sequence[int]) -> Value | None:
    value = page.value(words)
    return value if value is not None and country_code(value.text) else None
