"""Arabic and Hebrew: words in the order in which they are read, figures as they are displayed. Pure.

Libraries list the letters of such lines in orders of their own, and some turn figures around with them. Only places
tell what the page shows, so lines that hold right-to-left letters are put together again from the letters' boxes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from llava_ocr.geometry import Box

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Letters stand side by side; a gap wider than this share of their height parts two words (a space is about 0.2 of it).
_WORD_GAP = 0.1
# Letters that lie over each other further than this have no order that shows.
_MOST_SHARED = 0.5
_UNREADABLE = "\ufffd"
_MIRRORED = str.maketrans("()[]{}<>", ")(][}{><")


class Char(NamedTuple):
    """One character of a text layer and its box on the page as it is shown."""

    text: str
    box: Box


class Rebuilt(NamedTuple):
    """A word put together again, and the numbers of the characters that it is of."""

    text: str
    chars: tuple[int, ...]


def is_right_to_left(text: str) -> bool:
    """Whether a text has a letter or figure of a script that runs from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None


def rebuilt_words(chars: Sequence[Char]) -> list[Rebuilt]:
    """Put the words of every line together again that has such a letter; other lines are left out.

    Vowel points are dropped. Figures whose places do not tell their order become U+FFFD.
    """
    if not any(is_right_to_left(char.text) for char in chars):
        return []
    shown = [number for number, char in enumerate(chars) if _is_shown(char)]
    words: list[Rebuilt] = []
    for line in _lines(shown, chars):
        numbers = sorted(line, key=lambda n: (chars[n].box.center_x, n))
        if any(is_right_to_left(chars[number].text) for number in numbers):
            words += [Rebuilt(_text(word, chars), tuple(word)) for word in _parted(numbers, chars)]
    return words


def reading_order(texts: Sequence[str]) -> list[int]:
    """The order in which words that stand side by side, listed from left to right, are read.

    The script of most words is the line's; runs of words in the other one are read in their own direction.
    """
    order = list(range(len(texts)))
    classes = [_class(text) for text in texts]
    if "R" not in classes:
        return order
    is_mostly_right = classes.count("R") >= classes.count("L")
    if is_mostly_right:
        order.reverse()
    return _turned_runs(order, classes, "L" if is_mostly_right else "R")


def _class(text: str) -> str:
    """R or L as the first letter is, else N: figures belong to what is around them."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("R", "AL"):
            return "R"
        if direction == "L":
            return "L"
    return "N"


def _turned_runs(order: list[int], classes: Sequence[str], kind: str) -> list[int]:
    """Turn around every run of words of a kind, with the figures inside of it."""
    turned: list[int] = []
    run: list[int] = []
    waiting: list[int] = []
    for index in order:
        if classes[index] == kind:
            run, waiting = [*run, *waiting, index], []
        elif classes[index] == "N" and run:
            waiting.append(index)
        else:
            turned += [*reversed(run), *waiting, index]
            run, waiting = [], []
    return [*turned, *reversed(run), *waiting]


def _lines(shown: Sequence[int], chars: Sequence[Char]) -> list[list[int]]:
    """Characters by height: one that lies beside the middle of the line before it belongs to that line."""
    lines: list[list[int]] = []
    for number in sorted(shown, key=lambda n: chars[n].box.center_y):
        box = chars[number].box
        if lines and box.y0 < chars[lines[-1][0]].box.center_y < box.y1:
            lines[-1].append(number)
        else:
            lines.append([number])
    return lines


def _is_shown(char: Char) -> bool:
    return bool(char.text.strip()) and unicodedata.category(char.text[0]) not in ("Cc", "Cf", "Cs", "Mn")


def _parted(numbers: Sequence[int], chars: Sequence[Char]) -> list[list[int]]:
    """Part a line's characters, listed from left to right, at its gaps."""
    words: list[list[int]] = []
    for number in numbers:
        box = chars[number].box
        if words and box.x0 - max(chars[n].box.x1 for n in words[-1][-2:]) <= _WORD_GAP * box.height:
            words[-1].append(number)
        else:
            words.append([number])
    return words


def _text(word: Sequence[int], chars: Sequence[Char]) -> str:
    listed = [chars[number].text for number in word]
    for before, after in zip(range(len(word)), range(1, len(word)), strict=False):
        if listed[before].isdigit() and listed[after].isdigit() and _lie_over(chars[word[before]], chars[word[after]]):
            listed[before] = listed[after] = _UNREADABLE
    if any(_class(text) == "R" for text in listed):
        listed = _logical(listed)
    text = "".join(unicodedata.normalize("NFKC", char) if char >= "\ufb1d" else char for char in listed)
    brackets = re.sub(r"[^][(){}<>]", "", text)
    return text.translate(_MIRRORED) if brackets[:1] and brackets[0] in ")]}>" else text


def _lie_over(one: Char, other: Char) -> bool:
    shared = min(one.box.x1, other.box.x1) - max(one.box.x0, other.box.x0)
    return shared > _MOST_SHARED * min(one.box.width, other.box.width) or one.box.width <= 0


def _logical(listed: Sequence[str]) -> list[str]:
    """The characters of a word as they are read: from the right, its figures and Latin letters from the left."""
    turned = list(reversed(listed))
    kinds = _kinds(turned)
    logical: list[str] = []
    run: list[str] = []
    for char, is_left in zip(turned, kinds, strict=True):
        if is_left:
            run.append(char)
        else:
            logical += [*reversed(run), char]
            run = []
    return [*logical, *reversed(run)]


def _kinds(listed: Sequence[str]) -> list[bool]:
    """Which characters run from left to right, by the rules W4, W5, W7 and N1 of Unicode's bidirectional algorithm."""
    classes = [unicodedata.bidirectional(char[0]) for char in listed]
    is_left = [kind in ("L", "EN", "AN") for kind in classes]
    for place in range(1, len(classes) - 1):
        own, around = classes[place], {classes[place - 1], classes[place + 1]}
        is_in_figure = (own in ("ES", "CS") and around == {"EN"}) or (own == "CS" and around == {"AN"})
        is_in_code = own in ("ES", "CS", "ON") and "L" in around and around <= {"L", "EN"}
        is_left[place] |= is_in_figure or is_in_code
    for places in (range(len(classes)), range(len(classes) - 1, -1, -1)):
        is_after_figure = False
        for place in places:
            is_after_figure = classes[place] == "EN" or (is_after_figure and classes[place] == "ET")
            is_left[place] |= is_after_figure
    return is_left
