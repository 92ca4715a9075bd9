"""Which words of a text layer a person does not see on the page: its boxes and inks against the drawn pixels. Pure.

A text layer may say what the page does not show: white on white, under a picture, outside the sheet, a point high.
Such words are not evidence. A searchable scan is the honest case of text that is not painted: there the
ink is the picture's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llava_ocr.records import Word

# What nobody reads without a glass: the height of a line of 2 pt, and letters pushed together to a third of a point.
MIN_LINE_PT = 2.4
MIN_ADVANCE_PT = 0.3
# Of 255, on the channel that differs most. Light grey print (230 on 255) shows; scanner noise is below.
INK_LEVELS = 20
# Of 255; black that is this clear differs from white by less than a person sees.
MIN_ALPHA = 16
# Where letters of any font have ink: from x-height to base line, as shares of a word box's height.
_MIDDLE = (0.25, 0.85)
# A row or column that is inked so far is a rule or an edge, not letters.
_RULE_SHARE = 0.97
_MIN_COLUMNS = 0.2
# Of a picture's print: at half its darkness it fills no more of a box, a letter in three stands free of the next, and
# no gap is wider than these line heights or this share of the box.
_MIN_PAPER = 0.45
_MAX_INK = 0.6
_MIN_RUNS = 0.33
_MAX_GAP = 1.5
_MAX_GAP_SHARE = 0.5
_OVERLAP = 0.4
FEW_WORDS = 5
# Boxes that miss their print: 3 % of the words in the worst sound layer that was met.
BESIDE_SHARE = 0.05
OTHER_PAGE_SHARE = 0.25


class Unseen(StrEnum):
    """Why a word does not show."""

    OUTSIDE = "outside the page"
    TINY = "too small to read"
    NO_INK = "no ink where it stands"
    BENEATH = "under other print"


@dataclass(frozen=True, slots=True)
class Ink:
    """How the file says a word is painted; whether that shows, only the pixels tell.

    `is_painted` is False for text without ink (render mode 3, wholly transparent). `is_on_picture`: a picture lies
    where it stands. `is_covered`: something is drawn over it later.
    """

    rgb: tuple[int, int, int] = (0, 0, 0)
    is_painted: bool = True
    is_on_picture: bool = False
    is_covered: bool = False

    @property
    def is_doubtful(self) -> bool:
        """Whether any ink in its place need not be its own."""
        return self.is_covered or not self.is_painted


class Unread(NamedTuple):
    """What of a text layer is left out: how many words, and whether a person should look at the page for it."""

    num_words: int = 0
    is_odd: bool = False


@dataclass(frozen=True)
class Seen:
    """The drawn page: `[height, width, 3]`, RGB, and the paper's extent in points."""

    pixels_HWC: NDArray[np.uint8]
    width_pt: float
    height_pt: float


def unseen_words(words: Sequence[Word], inks: Sequence[Ink], seen: Seen) -> dict[int, Unseen]:
    """Return the indices of words that do not show, and why. Words without a letter or digit are not judged."""
    found: dict[int, Unseen] = {}
    listed = [index for index, word in enumerate(words) if any(char.isalnum() for char in word.text)]
    for index in listed:
        reason = _fault_of_place(words[index], seen)
        if reason is not None:
            found[index] = reason
    placed = [index for index in listed if index not in found]
    beneath = _beneath(placed, words, inks)
    found |= dict.fromkeys(beneath, Unseen.BENEATH)
    left = [index for index in placed if index not in beneath]
    for index in _not_plainly_seen(left, words, inks, seen):
        if not _shows(words[index], inks[index], seen):
            found[index] = Unseen.NO_INK
    return found


def weigh(words: Sequence[Word], inks: Sequence[Ink], unseen: Collection[int]) -> Unread:
    """Say how much was left out, and whether it is odd: a number, or more than a few words.

    A credit line of the program that made the file is not, nor are boxes of a scan that lie beside their print.
    """
    has_number = any(char.isdigit() for index in unseen for char in words[index].text)
    is_odd = has_number or len(unseen) > FEW_WORDS
    if 2 * sum(ink.is_doubtful and ink.is_on_picture for ink in inks) > len(words):
        is_odd = len(unseen) > FEW_WORDS + BESIDE_SHARE * len(words)
    return Unread(len(unseen), bool(unseen) and is_odd)


def disagrees(inks: Sequence[Ink], unseen: Collection[int]) -> bool:
    """Whether the text layer of a scan is another page's: too many of its words lie where there is no print."""
    layered = sum(ink.is_on_picture and not ink.is_painted for ink in inks)
    missed = sum(inks[index].is_on_picture and not inks[index].is_painted for index in unseen)
    return missed > max(FEW_WORDS, OTHER_PAGE_SHARE * layered)


def _fault_of_place(word: Word, seen: Seen) -> Unseen | None:
    box = word.box
    if not (0 <= box.center_x <= 1 and 0 <= box.center_y <= 1):
        return Unseen.OUTSIDE
    sides = sorted((box.width * seen.width_pt, box.height * seen.height_pt))
    # One or two letters may be higher than wide; of longer words the shorter side is the line's height.
    line_pt = sides[1] if len(word.text) < 3 else sides[0]
    is_squeezed = sides[0] < MIN_ADVANCE_PT * len(word.text) and sides[1] < len(word.text)
    return Unseen.TINY if line_pt < MIN_LINE_PT or is_squeezed else None


def _edges(words: Sequence[Word]) -> NDArray[np.float64]:
    return np.array([(word.box.x0, word.box.y0, word.box.x1, word.box.y1) for word in words]).reshape(-1, 4)


def _beneath(listed: Sequence[int], words: Sequence[Word], inks: Sequence[Ink]) -> set[int]:
    """Doubtful words that lie over or under a word that is painted: what shows there is that one."""
    doubtful = [index for index in listed if inks[index].is_doubtful]
    sure = [index for index in listed if not inks[index].is_doubtful]
    if not doubtful or not sure:
        return set()
    ours_D14, theirs_1S4 = _edges([words[i] for i in doubtful])[:, None], _edges([words[i] for i in sure])[None]
    shared_DS2 = np.minimum(ours_D14[..., 2:], theirs_1S4[..., 2:]) - np.maximum(ours_D14[..., :2], theirs_1S4[..., :2])
    shared_DS = shared_DS2.clip(min=0).prod(axis=2)
    areas_D1, areas_1S = ((edges[..., 2:] - edges[..., :2]).prod(axis=2) for edges in (ours_D14, theirs_1S4))
    is_over_D = (shared_DS > _OVERLAP * np.minimum(areas_D1, areas_1S)).any(axis=1)
    return {index for index, is_over in zip(doubtful, is_over_D, strict=True) if is_over}


_ROWS, _COLS = 5, 24
_NEAR_LEVELS = 96


def _not_plainly_seen(listed: Sequence[int], words: Sequence[Word], inks: Sequence[Ink], seen: Seen) -> list[int]:
    """The words that a look at a few pixels each does not settle: all at once, for most pages have none."""
    plain = [i for i in listed if not inks[i].is_doubtful and not _stands(words[i], seen)]
    if not plain:
        return list(listed)
    samples_WRC3 = _samples(_edges([words[i] for i in plain]), seen).astype(np.int16)
    inks_W113 = np.array([inks[i].rgb for i in plain], np.int16)[:, None, None]
    is_near_WRC = np.abs(samples_WRC3 - inks_W113).max(axis=3) < _NEAR_LEVELS
    # A rule of the word's own colour fills a row of samples.
    is_near_WRC &= is_near_WRC.mean(axis=2, keepdims=True) < 0.9
    columns_W = is_near_WRC.any(axis=1).mean(axis=1)
    grounds_W = (np.abs(samples_WRC3 - inks_W113).max(axis=3) >= _NEAR_LEVELS).mean(axis=(1, 2))
    is_seen_W = (columns_W > _MIN_COLUMNS) & (grounds_W > 0.55)
    settled = {index for index, is_seen in zip(plain, is_seen_W, strict=True) if is_seen}
    return [index for index in listed if index not in settled]


def _samples(edges_W4: NDArray[np.float64], seen: Seen) -> NDArray[np.uint8]:
    height, width = seen.pixels_HWC.shape[:2]
    x0, y0, x1, y1 = (edges_W4[:, n, None] for n in range(4))
    across = x0 + (x1 - x0) * (np.arange(_COLS) + 0.5) / _COLS
    down = y0 + (y1 - y0) * np.linspace(*_MIDDLE, _ROWS)
    xs_WC = (across * width).astype(np.intp).clip(0, width - 1)
    ys_WR = (down * height).astype(np.intp).clip(0, height - 1)
    picked: NDArray[np.uint8] = seen.pixels_HWC[ys_WR[:, :, None], xs_WC[:, None, :]]
    return picked


def _stands(word: Word, seen: Seen) -> bool:
    """Whether a word runs up or down the page."""
    return len(word.text) > 2 and word.box.height * seen.height_pt > word.box.width * seen.width_pt


def _shows(word: Word, ink: Ink, seen: Seen) -> bool:
    """Look closely: whether there is ink in the word's box, and ink that can be the word's."""
    box_HWC, ground = _cut_out(word, seen)
    if min(box_HWC.shape[:2]) < 1:
        return False
    own = np.array(ink.rgb, np.float32) - ground
    if ink.is_painted and not ink.is_on_picture and float(np.abs(own).max()) < INK_LEVELS:
        return False
    away_HWC = box_HWC - ground
    if not ink.is_doubtful:
        return _has_letters(np.abs(away_HWC).max(axis=2) > INK_LEVELS)
    if not ink.is_on_picture and ink.is_painted:
        # Under a drawn shape only its own colour is its own ink.
        return _has_letters((away_HWC @ own) > 0.2 * float(own @ own))
    return _has_paper(box_HWC) and _is_print(np.abs(away_HWC).max(axis=2), word)


def _cut_out(word: Word, seen: Seen) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The word's pixels, rows along its line, and the colour of the paper around it."""
    height, width = seen.pixels_HWC.shape[:2]
    box = word.box.clipped()
    x0, x1 = int(box.x0 * width), max(int(box.x0 * width) + 1, round(box.x1 * width))
    y0, y1 = int(box.y0 * height), max(int(box.y0 * height) + 1, round(box.y1 * height))
    margin = max(1, min(x1 - x0, y1 - y0) // 4)
    around = seen.pixels_HWC[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
    ground = np.median(around.reshape(-1, 3), axis=0).astype(np.float32)
    cut = seen.pixels_HWC[y0:y1, x0:x1].astype(np.float32)
    return (cut.transpose(1, 0, 2) if _stands(word, seen) else cut), ground


def _letters(is_ink_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middle of a line, rules and edges taken out; in the box of a short word nothing tells a rule."""
    height, width = is_ink_HW.shape
    top, bottom = int(_MIDDLE[0] * height), max(int(_MIDDLE[0] * height) + 1, round(_MIDDLE[1] * height))
    middle = is_ink_HW[top:bottom]
    if width < 2 * height:
        return middle
    middle = middle[middle.mean(axis=1) < _RULE_SHARE]
    kept: NDArray[np.bool_] = middle[:, is_ink_HW.mean(axis=0) < _RULE_SHARE]
    return kept


def _has_letters(is_ink_HW: NDArray[np.bool_]) -> bool:
    letters = _letters(is_ink_HW)
    return bool(letters.size) and float(letters.any(axis=0).mean()) >= _MIN_COLUMNS


def _has_paper(box_HWC: NDArray[np.float32]) -> bool:
    """Whether much of the box is of one brightness, as paper is and photographs are not."""
    levels_HW = box_HWC.mean(axis=2)
    darkest, lightest = np.percentile(levels_HW, (5, 95))
    near = max(INK_LEVELS, 0.25 * float(lightest - darkest))
    return max(float((np.abs(levels_HW - level) < near).mean()) for level in (darkest, lightest)) > _MIN_PAPER


def _is_print(away_HW: NDArray[np.float32], word: Word) -> bool:
    """Whether the ink is that of one printed word: dark and light by turns, from end to end, without a wide gap.

    Boxes of other programs' OCR readers lie roughly, so nothing finer can be asked.
    """
    is_ink_HW = away_HW > max(INK_LEVELS, float(away_HW.max()) / 2)
    line, width = is_ink_HW.shape
    if not _has_letters(is_ink_HW) or is_ink_HW.mean() > _MAX_INK:
        return False
    if width <= line:
        return True
    letters = _letters(is_ink_HW)
    num_runs = int((np.diff(letters.astype(np.int8), axis=1) == 1).sum(axis=1).max(initial=0))
    columns = np.flatnonzero(letters.any(axis=0))
    has_gap = np.diff(columns, prepend=-1, append=width).max() > max(_MAX_GAP * line, _MAX_GAP_SHARE * width)
    return num_runs >= len(word.text) * _MIN_RUNS and not has_gap
