"""What a text field may say of a page: runs of its words, told to llguidance and, once more, to a plain check. Pure.

A value begins and ends with a word that holds a letter or digit, whose marks at the value's edges may be left off; a
label printed together with its value (`No.:4711`) may be too. Within, nothing is left out. Words are joined by one
space, across the gaps of a line and across the line breaks of a block.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

from llava_ocr.words.layout import Layout, Segment

# A text may run over this many lines of a block; a longer paragraph is offered in overlapping windows.
WINDOW_LINES = 8
# Between runs that do not read on. JSON has no raw line break, so no value can hold it.
BREAK = "\n"
# Of the marks that stand alone, those that may begin and end a value: `§ 19 UStG`, `Milk 3,5 %`.
FIRST_MARKS = "§&#№"
LAST_MARKS = "%‰°€)]}»”"
# Where a label ends that is printed together with its value; `10:30` and `https://` hold none.
_GLUED = re.compile(r"(?<=[^\W\d_])\.?[:：#=]+(?=\w)")
# What announces a number and may be glued to it: `Nr.4711`, `n°4711`, `Inv.No4711`; a street's `str.` does not.
_NUMBER_LABEL = r"(?:[^\W\d_]+[.\-/]+)*(?:no|num|[^\W\d_]*(?:nr|nummer|number|num[eé]ro))"
_GLUED_NUMBER = re.compile(
    rf"{_NUMBER_LABEL}(?:\.(?=[\w\-/]*\d)|(?=\d))|[^\W\d_]*n[°º]\.?(?=[\w\-/]*\d)", re.IGNORECASE
)
# One character of a word as JSON string content.
_ANY = r"(\\u[0-9a-f]{4}|\\[^u]|[^\\ \n])"
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')


def page_chunks(layout: Layout) -> list[str]:
    """Cut the page's text at every place where a value may begin or end, as JSON string content.

    First every line from left to right, then every block of several lines, a break between any two of them.
    llguidance's own `substring_words` would cut inside `A-47/11` and `1.234,56`.
    """
    chunks: list[str] = []
    for run in page_runs(layout):
        for number, index in enumerate(run):
            chunks += [" "] if number else []
            chunks += [escaped(piece) for piece in pieces(layout.words[index].text)]
        chunks.append(BREAK)
    return chunks


def page_runs(layout: Layout) -> Iterator[tuple[int, ...]]:
    """Yield the word indices of everything that reads on: lines, and windows of blocks of several lines."""
    for line in layout.lines:
        yield line.words
    for block in layout.blocks:
        for window in _windows(block):
            yield tuple(index for segment in window for index in segment.words)


def value_pattern(layout: Layout) -> str | None:
    """What llguidance must hold a run of chunks to, that it be a value; None where the page has no letter or digit.

    The page's own letters and digits stand for all: they compile faster than Unicode's classes, of which Python and
    llguidance have different versions.
    """
    characters = set("".join(word.text for word in layout.words))
    letters = "".join(sorted(filter(holds_text, characters)))
    if not letters:
        return None
    word = f"{_ANY}*[{letters}]{_ANY}*"
    return rf"([{FIRST_MARKS}] )?{word}(( {_ANY}+)* {word})?( [{re.escape(LAST_MARKS)}])?"


def holds_text(text: str) -> bool:
    """Whether there is a letter or digit in it."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def pieces(word: str) -> list[str]:
    """A word as its leading marks, its core and its trailing marks, each mark by itself; labels cut off the core."""
    start, end = 0, len(word)
    while start < end and _is_mark(word[start]):
        start += 1
    while end > start and _is_mark(word[end - 1]):
        end -= 1
    return [*word[:start], *_unglued(word[start:end]), *word[end:]]


def escaped(text: str) -> str:
    """JSON string content; halves of surrogate pairs become escapes, because a grammar must be UTF-8."""
    # Most words need no escape, and a page has a thousand pieces.
    return _TO_ESCAPE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _windows(block: tuple[Segment, ...]) -> list[tuple[Segment, ...]]:
    if len(block) < 2:
        return []
    step = WINDOW_LINES // 2
    starts = range(0, max(1, len(block) - step), step)
    return [block[start : start + WINDOW_LINES] for start in starts]


def _is_mark(character: str) -> bool:
    if character.isalnum():
        return False
    category = unicodedata.category(character)
    # Accents and vowel signs (M) belong to the letter before them; what Python does not know (Cn) may be a letter.
    return category[0] not in "LMN" and category != "Cn"


def unlabelled(word: str) -> str:
    """A word without the label that is glued to its number: `Nr.4711`, `No.:4711` and `#4711` are `4711`."""
    *before, number = pieces(word)
    is_number = any(map(str.isdigit, number)) and not any(map(str.isdigit, "".join(before)))
    return number if before and is_number else word


def _unglued(core: str) -> list[str]:
    label = _GLUED_NUMBER.match(core)
    parts, start = ([label[0]], label.end()) if label else ([], 0)
    for match in _GLUED.finditer(core, start):
        parts += [core[start : match.start()], *match[0]]
        start = match.end()
    return [part for part in (*parts, core[start:]) if part]
