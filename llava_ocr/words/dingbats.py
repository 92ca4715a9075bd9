"""Zapf Dingbats, whose codes are those of letters and figures: a viewer's check mark is stored as `3` or `4`. Pure."""

from __future__ import annotations

# Adobe's table: codes from 0x21 on are those of Unicode's block, but for signs that Unicode had elsewhere already.
_ELSEWHERE = {"%": "☎", "*": "☛", "+": "☞", "H": "★", "l": "●", "n": "■", "s": "▲", "t": "▼", "u": "◆", "w": "◗"}
_FIRST_OF_BLOCK = 0x2700


def is_dingbats(font: str) -> bool:
    """Whether a font's name is that of Zapf Dingbats; PDF forms call it `ZaDb`."""
    return "dingbats" in font.casefold() or font.endswith("ZaDb")


def dingbat(char: str) -> str:
    """The sign that a code of the font shows; what has its own code in Unicode already stays."""
    if not "!" <= char <= "~":
        return char
    return _ELSEWHERE.get(char, chr(_FIRST_OF_BLOCK + ord(char) - 0x20))
