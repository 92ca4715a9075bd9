"""Text that knows which of it are values: what sections hand to the canvas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """A printed value and the truth's paths it stands for (a total may be what is due as well)."""

    text: str
    paths: tuple[str, ...]


Phrase = tuple[str | Value, ...]
# One word and the indices of the phrase's parts that have characters in it.
Token = tuple[str, tuple[int, ...]]
_HOLE = re.compile(r"\{(\w+)\}")


def value(text: str, *paths: str) -> Phrase:
    """Make a phrase of one value."""
    return (Value(text, paths),) if text else ()


def tokens(phrase: Phrase) -> list[Token]:
    """Split a phrase at spaces; parts that touch make one word."""
    words: list[tuple[str, tuple[int, ...]]] = []
    is_open = False
    for index, part in enumerate(phrase):
        text = part if isinstance(part, str) else part.text
        owner = () if isinstance(part, str) else (index,)
        for number, piece in enumerate(text.split(" ")):
            is_open = is_open and number == 0
            if not piece:
                continue
            if is_open:
                before, owners = words[-1]
                words[-1] = (before + piece, owners + owner)
            else:
                words.append((piece, owner))
            is_open = True
        if text.endswith(" "):
            is_open = False
    return words


def fill_in(template: str, holes: Mapping[str, Phrase]) -> Phrase:
    """Fill a template's `{name}` holes with phrases."""
    parts: list[str | Value] = []
    for number, piece in enumerate(_HOLE.split(template)):
        parts.extend(holes[piece] if number % 2 else (piece,))
    return tuple(part for part in parts if part)


def join(phrases: list[Phrase], between: str) -> Phrase:
    """Join the phrases that are not empty."""
    parts: list[str | Value] = []
    for phrase in phrases:
        if phrase:
            parts.extend((between, *phrase) if parts else phrase)
    return tuple(parts)
