"""What an answer to a question is: its text, where that stands on which page, and how sure it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from llava_ocr.errors import ExtractionError
from llava_ocr.jsonform import edges, plain
from llava_ocr.records import Evidence, FieldValue

NOT_ON_THE_PAGE = "not on the page"
NOTHING_THERE = "no page has anything on it"


class AnswerState(StrEnum):
    """How a question ended. ANSWERED stands on a page; ABSENT: no page says it, or not surely enough; FREE: the model's
    own words, which nothing on the page proves; FAILED: something went wrong, and `reason` says what."""

    ANSWERED = "answered"
    ABSENT = "absent"
    FREE = "free"
    FAILED = "failed"


class Manner(StrEnum):
    """How an engine may answer: HELD to words of the page, or FREE in its own."""

    HELD = "held"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Quote:
    """Where an answer stands: the boxes are the evidence's, `words` are what is printed in them."""

    evidence: Evidence
    words: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to one question about one document. Only an ANSWERED one has a quote, only it and a FREE one a text.

    `text` is as printed, `value` typed where the question asks for an amount, a date or a number. `others` are what
    other pages say. `page_index` is the page that was read for it, where it was one. `message` says, for people, why
    there is no answer; it never quotes the document.
    """

    question: str
    state: AnswerState
    text: str | None = None
    value: FieldValue = None
    confidence: float = 0.0
    quote: Quote | None = None
    page_index: int | None = None
    others: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    field: str = field(default="", compare=False)

    @property
    def evidence(self) -> Evidence | None:
        """Page, boxes and reader of the words that prove the answer."""
        return self.quote.evidence if self.quote else None


def absent(question: str, message: str = "", *, confidence: float = 0.0) -> Answer:
    """The answer that abstains."""
    return Answer(question, AnswerState.ABSENT, confidence=confidence, message=message or NOT_ON_THE_PAGE)


def failed(question: str, error: ExtractionError) -> Answer:
    """The answer that an error took the place of."""
    return Answer(question, AnswerState.FAILED, reason=error.reason, message=str(error))


def abstaining_below(answer: Answer, least: float) -> Answer:
    """The same answer, or none where it is less sure than `least`."""
    if answer.state is not AnswerState.ANSWERED or answer.confidence >= least:
        return answer
    kept = absent(answer.question, f"an answer was found, not surely enough: {answer.confidence:.2f} of {least:.2f}")
    return replace(kept, confidence=answer.confidence, field=answer.field)


def answer_object(answer: Answer) -> dict[str, Any]:
    """An answer as plain values for JSON."""
    evidence = answer.evidence
    return {
        "question": answer.question,
        "state": answer.state.value,
        "answer": answer.text,
        "value": plain(answer.value),
        "confidence": answer.confidence,
        "is_evidenced": evidence is not None,
        "page_index": answer.page_index,
        "boxes": [edges(box) for box in evidence.boxes] if evidence else [],
        "words": list(answer.quote.words) if answer.quote else [],
        "reader": evidence.reader.value if evidence else None,
        "others": list(answer.others),
        "field": answer.field,
        "reason": answer.reason,
        "message": answer.message,
    }
