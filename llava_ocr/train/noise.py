"""Words as an OCR reader might give them: confused characters, split and merged words, boxes a little off."""

from __future__ import annotations

import random
from dataclasses import dataclass

from llava_ocr.geometry import Box, union
from llava_ocr.records import Word

CONFUSIONS = {
    "0": "O", "O": "0", "1": "l", "l": "1", "I": "l", "5": "S", "S": "5", "8": "B", "B": "8", "6": "G", "2": "Z",
    "ä": "a", "ö": "o", "ü": "u", "é": "e", "è": "e", "ß": "B", ".": ",", ",": ".", "rn": "m", "m": "rn", "cl": "d",
    "e": "c", "c": "e", "i": "l", "-": "", "'": "", ":": ";", "&": "8", "€": "E",
}  # fmt: skip


@dataclass(frozen=True)
class NoisyWords:
    """The words that were read; `became[i]` are the words that the printed word `i` became."""

    words: tuple[Word, ...]
    became: tuple[tuple[int, ...], ...]


def misread(words: tuple[Word, ...], *, strength: float, rng: random.Random) -> NoisyWords:
    """Read `words` badly: a share `strength` of them gets a wrong character, a tenth of it is split or merged."""
    read: list[Word] = []
    became: list[tuple[int, ...]] = []
    for index, word in enumerate(words):
        box = _jitter(word.box, rng)
        text = _confuse(word.text, rng) if rng.random() < strength else word.text
        before = words[index - 1] if index else None
        if before is not None and _touches(before, word) and rng.random() < strength / 10:
            read[-1] = Word(read[-1].text + text, union([read[-1].box, box]), 0.8)
            became.append((len(read) - 1,))
        elif len(text) > 3 and rng.random() < strength / 10:
            cut = rng.randrange(1, len(text))
            middle = box.x0 + box.width * cut / len(text)
            read.append(Word(text[:cut], Box(box.x0, box.y0, middle, box.y1), 0.8))
            read.append(Word(text[cut:], Box(middle, box.y0, box.x1, box.y1), 0.8))
            became.append((len(read) - 2, len(read) - 1))
        else:
            read.append(Word(text, box, 0.9))
            became.append((len(read) - 1,))
    return NoisyWords(tuple(read), tuple(became))


def _touches(before: Word, word: Word) -> bool:
    gap = word.box.x0 - before.box.x1
    return abs(before.box.center_y - word.box.center_y) < word.box.height / 4 and 0 <= gap < word.box.height


def _jitter(box: Box, rng: random.Random) -> Box:
    dx, dy = rng.gauss(0, 0.06) * box.height, rng.gauss(0, 0.06) * box.height
    return Box(box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy)


def _confuse(text: str, rng: random.Random) -> str:
    known = [piece for piece in CONFUSIONS if piece in text]
    if not known:
        return text
    piece = rng.choice(known)
    return text.replace(piece, CONFUSIONS[piece], 1) or text
