"""From what each page answers to the document's one answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llava_ocr.asking.answers import NOT_ON_THE_PAGE, Answer, AnswerState, Quote, absent, failed
from llava_ocr.errors import ExtractionError
from llava_ocr.geometry import Box
from llava_ocr.records import Evidence, FieldReading, FieldState
from llava_ocr.words.layout import Layout

# What stands on the page, whether its meaning is clear (VALUE) or not.
_PRINTED = (FieldState.VALUE, FieldState.AMBIGUOUS, FieldState.ILLEGIBLE)


@dataclass(frozen=True, eq=False)
class Heard:
    """What one page answered to a question: a reading, or the error in its place."""

    page_index: int
    reading: FieldReading | None = None
    layout: Layout | None = None
    error: ExtractionError | None = None

    @property
    def is_proved(self) -> bool:
        """Whether there is an answer that stands on the page."""
        return self.reading is not None and self.reading.evidence is not None and self.reading.state in _PRINTED


Hearing = list[Heard]


def conclude(question: str, heard: Sequence[Heard], *, field: str = "") -> Answer:
    """The surest page's answer; what others say differently is told beside it. Only where no page answers does a
    page that failed count: then nobody knows what it would have said."""
    proved = sorted((one for one in heard if one.is_proved), key=lambda one: (-_sureness(one), one.page_index))
    if proved:
        return _answer(question, proved, field)
    error = next((one.error for one in heard if one.error is not None), None)
    if error is not None:
        return failed(question, error)
    readings = [one.reading for one in heard if one.reading is not None]
    is_unproved = any(reading.text is not None for reading in readings)
    message = "the engine's answer does not stand on the page" if is_unproved else NOT_ON_THE_PAGE
    return absent(question, message, confidence=min((reading.confidence for reading in readings), default=0.0))


def _sureness(heard: Heard) -> float:
    return heard.reading.confidence if heard.reading else 0.0


def _answer(question: str, proved: Sequence[Heard], field: str) -> Answer:
    best = proved[0].reading
    assert best is not None and best.evidence is not None, proved[0]
    texts = [one.reading.text for one in proved[1:] if one.reading and one.reading.text]
    others = tuple(dict.fromkeys(text for text in texts if _bare(text) != _bare(best.text or "")))
    return Answer(
        question,
        AnswerState.ANSWERED,
        text=best.text,
        value=best.value,
        confidence=best.confidence,
        quote=Quote(best.evidence, words_in(best.evidence, proved[0].layout)),
        page_index=best.evidence.page_index,
        others=others,
        field=field,
    )


def words_in(evidence: Evidence, layout: Layout | None) -> tuple[str, ...]:
    """The words that are printed in an answer's boxes, in reading order."""
    if layout is None:
        return ()
    words = (layout.words[index] for index in layout.order)
    boxes = [layout.turn.box(box) for box in evidence.boxes]
    return tuple(word.text for word in words if any(_holds(box, word.box) for box in boxes))


def _holds(box: Box, inner: Box) -> bool:
    return box.x0 <= inner.center_x <= box.x1 and box.y0 <= inner.center_y <= box.y1


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
