"""Questions to an engine that only fills fields: each is made the field that it asks for, which is then extracted.

A usual question is a field of the paper's document type, read with the whole type as `extract` reads it. Any other is
a field of one's own, whose label is the question's words: where no such label stands on the page, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from llava_ocr.asking.answers import Answer, absent, failed
from llava_ocr.asking.fields import known_fields, made_up, own_label
from llava_ocr.asking.heard import Heard, conclude
from llava_ocr.asking.labelled import is_labelled, labelled_reading, weigh
from llava_ocr.asking.papers import likeliest_type
from llava_ocr.asking.wording import also_called, asks_yes_or_no, kind_asked
from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import Engine, Request
from llava_ocr.errors import ExtractionError
from llava_ocr.extract import PageAnswer, Question, ask
from llava_ocr.extract import conclude as conclude_document
from llava_ocr.raster.base import PageRead
from llava_ocr.records import Document, DocumentOutcome, FieldReading, FieldState
from llava_ocr.schema import DocumentSchema, schema_name, tree
from llava_ocr.words.layout import Layout

# Below this an answer is none. Measured on painted papers by `llava-ocr bench asking`; see docs/asking.md.
LEAST_SURE = 0.5
MAX_NEW_TOKENS = 1024
# The path of a field that was made up for a question.
MADE_UP = "answer"
_NOBODY = Document("", "", 0, "")


@dataclass(eq=False)
class _Inquiry:
    """A document type that is read for some questions: by question, the paths that may answer it, the best first."""

    question: Question
    paths: dict[int, tuple[str, ...]]
    answers: list[PageAnswer] = field(default_factory=list)


class FieldInterview:
    """Extracts the fields that questions ask for, from every page."""

    def __init__(
        self,
        questions: Sequence[str],
        engine: Engine,
        *,
        num_pages: int,
        catalog: Catalog,
        remembering: Callable[[Engine, Question], Engine],
        kind: type[DocumentSchema] | None = None,
        document_id: str = "",
    ) -> None:
        """With a `kind` the paper is read as this document type, and only what it has can be asked."""
        self._questions, self._engine, self._num_pages = questions, engine, num_pages
        self._types = [catalog.get(name) for name in catalog.names()]
        self._kind, self._document_id = kind, document_id
        self._remembering = remembering
        self._inquiries: list[_Inquiry] | None = None
        self._layouts: dict[int, Layout] = {}

    def hear(self, pages: Sequence[PageRead]) -> None:
        """Ask these pages. What kind of paper it is, the first ones tell."""
        self._layouts |= {page.outcome.page_index: page.layout for page in pages if page.layout is not None}
        if self._inquiries is None:
            self._inquiries = list(self._plan())
        for inquiry in self._inquiries:
            engine = self._remembering(self._engine, inquiry.question)
            completions = engine.complete([self._request(inquiry.question, page) for page in pages])
            inquiry.answers += [
                PageAnswer(replace(page, raster=None), completion)
                for page, completion in zip(pages, completions, strict=True)
            ]

    def answers(self) -> list[Answer]:
        """The answers of all pages together."""
        found: dict[int, Answer] = {}
        for inquiry in self._inquiries or ():
            outcome = self._outcome(inquiry)
            for number, paths in inquiry.paths.items():
                found[number] = self._answer(self._questions[number], paths, outcome, inquiry)
        return [found.get(number) or self._not_understood(text) for number, text in enumerate(self._questions)]

    def _request(self, question: Question, page: PageRead) -> Request:
        request = ask(question, page, num_pages=self._num_pages, profile=self._engine.profile)
        return replace(request, document_id=self._document_id)

    def _plan(self) -> list[_Inquiry]:
        kind = self._kind or likeliest_type(self._layouts.values(), self._types)
        known = {number: _paths(text, kind) for number, text in enumerate(self._questions)} if kind else {}
        usual = {number: paths for number, paths in known.items() if paths}
        planned = [_inquiry(kind, usual)] if kind and usual else []
        for number, text in enumerate(self._questions if self._kind is None else ()):
            label = "" if asks_yes_or_no(text) else own_label(text)
            if number not in usual and label:
                planned.append(_inquiry(made_up(kind_asked(text), also_called(label)), {number: (MADE_UP,)}))
        return planned

    def _outcome(self, inquiry: _Inquiry) -> DocumentOutcome:
        return conclude_document(
            _NOBODY, inquiry.question, inquiry.answers, num_pages=self._num_pages, profile=self._engine.profile
        )

    def _answer(self, question: str, paths: Sequence[str], outcome: DocumentOutcome, inquiry: _Inquiry) -> Answer:
        if not outcome.records:
            return self._failure(question, outcome)
        readings = {reading.path: reading for reading in outcome.records[0].fields}
        answers = [self._said(question, readings[path]) for path in paths if path in readings]
        given = next((answer for answer in answers if answer.text is not None), answers[0])
        return given if paths != (MADE_UP,) else weigh(given, self._by_rules(question, inquiry))

    def _by_rules(self, question: str, inquiry: _Inquiry) -> Answer:
        """What rules read for a field that was made up."""
        pages = {answer.page.outcome.page_index: answer.page.layout for answer in inquiry.answers}
        kind = inquiry.question.schema
        read = {index: labelled_reading(kind, index, layout) for index, layout in pages.items() if layout is not None}
        heard = [Heard(index, reading, pages[index]) for index, reading in read.items() if reading is not None]
        return conclude(question, heard, field=MADE_UP)

    def _said(self, question: str, reading: FieldReading) -> Answer:
        if reading.state is FieldState.CONFLICT:
            message = "pages say different things"
            return replace(absent(question, message), others=reading.candidates, field=reading.path)
        if reading.path == MADE_UP and reading.text is not None and not is_labelled(reading):
            return absent(question, "no label on the page has the question's words", confidence=0.0)
        index = reading.evidence.page_index if reading.evidence else 0
        return conclude(question, [Heard(index, reading, self._layouts.get(index))], field=reading.path)

    def _not_understood(self, question: str) -> Answer:
        if self._kind is not None:
            return absent(question, f"the question asks for no field of {schema_name(self._kind)!r}")
        if asks_yes_or_no(question):
            return absent(question, f"{self._engine.profile.name} finds printed values; a yes or a no is none")
        return absent(question, "the question has no words that a label on the page could have")

    def _failure(self, question: str, outcome: DocumentOutcome) -> Answer:
        page = next(page for page in outcome.pages if page.reason)
        return replace(failed(question, ExtractionError(page.message)), reason=page.reason)


def _paths(question: str, kind: type[DocumentSchema]) -> tuple[str, ...]:
    return tuple(leaf.path for leaf in known_fields(question, tree(kind)))


def _inquiry(kind: type[DocumentSchema], paths: dict[int, tuple[str, ...]]) -> _Inquiry:
    return _Inquiry(Question.about(kind, max_new_tokens=MAX_NEW_TOKENS), paths)
