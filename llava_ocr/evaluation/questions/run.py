"""Asks the questions of a data set and measures the answers as its paper does."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from llava_ocr.asking.answering import answer_questions, can_speak
from llava_ocr.asking.answers import Answer, AnswerState, Manner, failed
from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import Engine
from llava_ocr.errors import InputError
from llava_ocr.evaluation.questions.formats import Asked, QuestionFormat, QuestionSet
from llava_ocr.evaluation.questions.measures import anls, chosen, exact, relaxed, vqa_accuracy
from llava_ocr.raster.base import PageReader


@dataclass(frozen=True)
class Answered:
    """One question with what came of it; `scores` are by measure. `reason` says why it failed, empty where it did not.

    Of a question that the page does not answer nothing but abstaining is right.
    """

    asked: Asked
    text: str
    confidence: float
    is_answered: bool
    scores: dict[str, float]
    reason: str = ""

    @property
    def is_answerable(self) -> bool:
        """Whether the page says it."""
        return bool(self.asked.answers)


@dataclass(frozen=True)
class QuestionsReport:
    """All that came of a data set. `figures` are means over answerable questions, by measure, as papers report them;
    `by_group` the same by the data set's own parts."""

    dataset: str
    format: QuestionFormat
    split: str
    engine: str
    answered: tuple[Answered, ...]
    notes: tuple[str, ...] = ()

    @property
    def figures(self) -> dict[str, float]:
        """Means over the questions that have an answer."""
        return _means([one for one in self.answered if one.is_answerable])

    @property
    def by_group(self) -> dict[str, dict[str, float]]:
        """Means of each part, where the data set has parts."""
        groups = sorted({one.asked.group for one in self.answered} - {""})
        return {group: _means([one for one in self.answered if one.asked.group == group]) for group in groups}

    @property
    def abstained(self) -> float | None:
        """The share of questions without an answer that were given none; None without such questions."""
        unsaid = [one for one in self.answered if not one.is_answerable]
        return sum(not one.is_answered for one in unsaid) / len(unsaid) if unsaid else None

    @property
    def share_answered(self) -> float | None:
        """The share of questions with an answer that were given any."""
        said = [one for one in self.answered if one.is_answerable]
        return sum(one.is_answered for one in said) / len(said) if said else None

    @property
    def num_failed(self) -> int:
        """Questions whose image or request failed."""
        return sum(bool(one.reason) for one in self.answered)


@dataclass(frozen=True)
class Examiner:
    """What questions are put with."""

    engine: Engine
    reader: PageReader
    catalog: Catalog
    passwords: tuple[str, ...] = ()


def evaluate_questions(
    dataset: str,
    questions: QuestionSet,
    examiner: Examiner,
    *,
    limit: int | None = None,
    observe: Callable[[Answered], None] = lambda _: None,
) -> QuestionsReport:
    """Ask image by image. An image at fault fails its questions, which then score 0. Raises EngineError."""
    answered: list[Answered] = []
    for image, group in groupby(questions.asked[:limit], key=lambda one: one.image):
        asked = list(group)
        for one, answer in zip(asked, _answers(image, asked, examiner), strict=True):
            answered.append(_measured(one, answer, questions.format))
            observe(answered[-1])
    name = examiner.engine.profile.name
    return QuestionsReport(dataset, questions.format, questions.split, name, tuple(answered), questions.notes)


def _answers(image: Path, asked: Sequence[Asked], examiner: Examiner) -> list[Answer]:
    engine = examiner.engine
    # Choices and charts' values need not stand on the page: an engine that has words of its own may use them.
    needs_words = any(one.choices for one in asked)
    manner = Manner.FREE if needs_words and can_speak(engine) else Manner.HELD
    texts = [_in_words(one) for one in asked]
    try:
        pages = list(examiner.reader.read(image, examiner.passwords))
    except InputError as error:
        return [failed(text, error) for text in texts]
    return answer_questions(pages, texts, engine, manner=manner, catalog=examiner.catalog)


def _in_words(asked: Asked) -> str:
    if not asked.choices:
        return asked.question
    lines = [f"({letter}) {choice}" for letter, choice in zip(string.ascii_uppercase, asked.choices, strict=False)]
    return "\n".join([asked.question, *lines, "Answer with the letter of the right choice."])


def _measured(asked: Asked, answer: Answer, form: QuestionFormat) -> Answered:
    is_answered = answer.state in (AnswerState.ANSWERED, AnswerState.FREE) and bool(answer.text)
    text = answer.text or "" if is_answered else ""
    scores = dict(_scores(asked, text, form)) if asked.answers else {}
    return Answered(asked, text, answer.confidence, is_answered, scores, answer.reason)


def _scores(asked: Asked, text: str, form: QuestionFormat) -> Iterator[tuple[str, float]]:
    if form is QuestionFormat.DOCVQA:
        yield "anls", anls(text, asked.answers)
        yield "exact", exact(text, asked.answers)
    elif form is QuestionFormat.TEXTVQA:
        yield "vqa_accuracy", vqa_accuracy(text, asked.answers)
    elif form is QuestionFormat.CHARTQA:
        yield "relaxed_accuracy", relaxed(text, asked.answers[0])
    else:
        picked = chosen(text, asked.choices)
        yield "choice_accuracy", float(picked is not None and asked.choices[picked] == asked.answers[0])


def _means(answered: Sequence[Answered]) -> dict[str, float]:
    names = list(dict.fromkeys(name for one in answered for name in one.scores))
    return {name: sum(one.scores[name] for one in answered) / len(answered) for name in names}
