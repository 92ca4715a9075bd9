"""How much a page has to do with a question: the share of the question's content words that stand on it. Pure."""

from __future__ import annotations

from llava_ocr.asking.wording import content_words
from llava_ocr.prompts import fold
from llava_ocr.words.layout import Layout


def relevance(question: str, layout: Layout | None) -> float:
    """0 where no word of the question stands on the page, 1 where all do; a word inside a longer one counts half."""
    words = content_words(question)
    if layout is None or not words:
        return 0.0
    printed = fold(" ".join(word.text for word in layout.words))
    whole = set(printed.split())
    return sum(1.0 if word in whole else 0.5 if word in printed else 0.0 for word in words) / len(words)
