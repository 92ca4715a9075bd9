"""Text cut into words that can be searched for, alike on every database. Pure."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
# What one record may put into the index; far more than the words of its pages.
MAX_WORDS = 20_000


def searchable(text: str) -> str:
    """Return the text as plain words: no case, no accents, no marks. `1.234,50 €` is `1 234 50`."""
    return " ".join(words_of(text)[:MAX_WORDS])


def words_of(text: str) -> list[str]:
    """List the plain words of a text."""
    if text.isascii():
        return _WORD.findall(text.lower())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _WORD.findall(bare)


def phrases_of(query: str) -> list[list[str]]:
    """Cut what a person types into phrases that must all be found; what stands between quotes is one phrase.

    The last word of a phrase may be the beginning of a longer one.
    """
    parts = re.findall(r'"([^"]*)"|(\S+)', query)
    phrases = [words_of(quoted or bare) for quoted, bare in parts]
    return [phrase for phrase in phrases if phrase]
