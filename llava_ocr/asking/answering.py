"""A batch of questions about one document's pages: the one way in, whatever the engine is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from llava_ocr.asking.answers import NOTHING_THERE, Answer, AnswerState, Manner, absent, abstaining_below
from llava_ocr.asking.by_fields import LEAST_SURE, FieldInterview
from llava_ocr.asking.by_speech import HELD, FreeInterview, HeldInterview
from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import Engine
from llava_ocr.errors import ConfigError
from llava_ocr.prompts import PromptForm
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.records import PageOutcome, PageState
from llava_ocr.schema import DocumentSchema

# Puts a memory before an engine, for requests about one schema.
Remembering = Callable[[Engine, Question], Engine]
# Pages that are asked about at once: their pixels are in memory.
PAGES_AT_ONCE = 8


class Interview(Protocol):
    """Questions that are put to a document's pages as they come."""

    def hear(self, pages: Sequence[PageRead]) -> None:
        """Ask these pages, which all have a raster."""
        ...

    def answers(self) -> list[Answer]:
        """The answers of all pages together, in the order of the questions. At least one page was heard."""
        ...


class CantSpeak(ConfigError):
    """Words of its own are asked of an engine that only fills fields."""

    hint = "Choose an engine that speaks: --engine endpoint, or the folder or hub name of a LLaVA-NeXT."


def check_manner(engine: Engine, manner: Manner) -> None:
    """Raise CantSpeak where free words are asked of an engine that has none."""
    if manner is Manner.FREE and not can_speak(engine):
        raise CantSpeak(
            f"{engine.profile.name} fills fields; it has no words of its own; without --free it gives those of the page"
        )


def remember_nothing(engine: Engine, _: Question) -> Engine:
    """Ask the engine itself."""
    return engine


def can_speak(engine: Engine) -> bool:
    """Whether an engine understands a question in words. One that is trained to find fields does not."""
    return engine.profile.prompt_form is PromptForm.READ


def answer_questions(
    pages: Sequence[PageRead],
    questions: Sequence[str],
    engine: Engine,
    *,
    manner: Manner = Manner.HELD,
    catalog: Catalog | None = None,
    min_confidence: float | None = None,
    remembering: Remembering = remember_nothing,
) -> list[Answer]:
    """Answer every question, in order, from the pages of one document; each abstains where no page says it.

    Without `min_confidence` an engine that speaks abstains by itself, and one that does not below what was measured.
    Raises CantSpeak where free words are asked of an engine that has none, EngineError when it can answer nothing.
    """
    interview = open_interview(
        questions, engine, num_pages=len(pages), manner=manner, catalog=catalog, remembering=remembering
    )
    asked = [page for page in pages if page.raster is not None]
    for start in range(0, len(asked), PAGES_AT_ONCE):
        interview.hear(asked[start : start + PAGES_AT_ONCE])
    answers = interview.answers() if asked else [absent(one, NOTHING_THERE) for one in questions]
    return settled(answers, [page.outcome for page in pages], least=least_sure(engine, min_confidence))


def open_interview(
    questions: Sequence[str],
    engine: Engine,
    *,
    num_pages: int,
    manner: Manner = Manner.HELD,
    catalog: Catalog | None = None,
    remembering: Remembering = remember_nothing,
    kind: type[DocumentSchema] | None = None,
    document_id: str = "",
) -> Interview:
    """Begin to ask about one document; with a `kind` only its fields can be asked, by any engine. Raises CantSpeak."""
    check_manner(engine, manner)
    if kind is not None or not can_speak(engine):
        return FieldInterview(
            questions,
            engine,
            num_pages=num_pages,
            catalog=catalog or Catalog(),
            remembering=remembering,
            kind=kind,
            document_id=document_id,
        )
    if manner is Manner.FREE:
        return FreeInterview(questions, engine, num_pages=num_pages, document_id=document_id)
    return HeldInterview(questions, remembering(engine, HELD), num_pages=num_pages, document_id=document_id)


def least_sure(engine: Engine, min_confidence: float | None) -> float:
    """Below which confidence an answer is none: as was asked, else as was measured for the kind of engine."""
    if min_confidence is not None:
        return min_confidence
    return 0.0 if can_speak(engine) else LEAST_SURE


def settled(answers: Sequence[Answer], outcomes: Sequence[PageOutcome], *, least: float) -> list[Answer]:
    """Answers that are sure enough; where a page could not be read, that no other says it is a failure."""
    broken = next((one for one in outcomes if one.state is PageState.FAILED), None)
    sure = [abstaining_below(answer, least) for answer in answers]
    if broken is None:
        return sure
    return [_unknown(answer, broken) if answer.state is AnswerState.ABSENT else answer for answer in sure]


def _unknown(answer: Answer, broken: PageOutcome) -> Answer:
    message = f"page {broken.page_index + 1} can't be read, and no other says it: {broken.message}"
    return replace(answer, state=AnswerState.FAILED, confidence=0.0, reason=broken.reason, message=message)
