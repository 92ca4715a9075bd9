"""The number of a document, customer or order among the words that follow its label. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llava_ocr.constrain.page_text import unlabelled
from llava_ocr.grounding.dates import date_readings, find_dates
from llava_ocr.prompts import fold
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.roles import NUMBER_WORDS

# Between a label and its number stand at most this many words: `Invoice (copy) No.`
MAX_NUMBER_WORDS = 4
# A series before a number has at most this many letters: `CN 5512`.
MAX_SERIES_CHARS = 4


def number_value(page: RulePage, words: Sequence[int]) -> Value | None:
    """The first run of words with figures in them, unless it is a date, without a label that is glued to it."""
    taken = _number_words(page, words)
    value = page.value(taken) if taken else None
    if value is None:
        return None
    *series, last = value.text.split(" ")
    text = " ".join([*series, unlabelled(last)])
    # A dash before figures alone is theirs.
    signed = f"-{text}"
    if page.layout.words[taken[0]].text == signed and text.isdigit():
        text = signed
    return replace(value, text=text) if page.holds(text) else value


def glued_value(page: RulePage, index: int) -> Value | None:
    """The number that is printed in one word with its label: `Rechnungsnr.4711`."""
    text = page.layout.words[index].text
    return number_value(page, [index]) if unlabelled(text) != text else None


def _number_words(page: RulePage, words: Sequence[int]) -> list[int]:
    texts = [page.layout.words[index].text for index in words]
    dated = _dated(texts)
    for at, text in enumerate(texts[:MAX_NUMBER_WORDS]):
        is_number = any(c.isdigit() for c in text) and not text.startswith("(")
        if not is_number or at in dated or date_readings(text.strip(",;:()")):
            continue
        return list(words[at - _has_series(page, words, at) : at + 1])
    return []


def _has_series(page: RulePage, words: Sequence[int], at: int) -> bool:
    """Whether the word before a number belongs to it: after other words, or where it begins the value."""
    if not at:
        return False
    before = page.layout.words[words[at - 1]].text
    is_first = at == 1 and page.segment_of[words[0]].words[0] != words[0]
    is_series = before.isalpha() and before.isupper() and len(before) <= MAX_SERIES_CHARS
    return is_series and not is_first and fold(before) not in NUMBER_WORDS


def _dated(texts: Sequence[str]) -> set[int]:
    """Which words make dates."""
    line = " ".join(texts)
    starts = [len(" ".join(texts[:at])) + bool(at) for at in range(len(texts))]
    return {at for first, last in find_dates(line) for at, start in enumerate(starts) if first <= start < last}
