"""The front page: one document, a schema and an engine make records. Read it from top to bottom.

Pages come from a `PageReader`, answers from an `Engine`; nothing is stored here. `pipeline` does the same for
many documents at once, with the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request, StopReason
from llava_ocr.errors import ExtractionError
from llava_ocr.grounding.answer import parse_answer
from llava_ocr.grounding.read import AnsweredPage, read_record
from llava_ocr.prompts import PROMPT_VERSION, ask_for_record
from llava_ocr.raster.base import PageRead, PageReader
from llava_ocr.records import Document, DocumentOutcome, PageOutcome, PageState, Provenance, Record
from llava_ocr.schema import DocumentSchema, GroupNode, fingerprint, schema_name, tree


@dataclass(frozen=True)
class Question:
    """A schema made ready to be asked of many pages."""

    schema: type[DocumentSchema]
    root: GroupNode
    fingerprint: str
    max_new_tokens: int

    @classmethod
    def about(cls, schema: type[DocumentSchema], *, max_new_tokens: int) -> Question:
        """Prepare `schema`; raises BadSchema where it breaks a rule."""
        return cls(schema, tree(schema), fingerprint(schema, prompt_version=PROMPT_VERSION), max_new_tokens)


@dataclass(frozen=True, eq=False)
class PageAnswer:
    """One page with the engine's answer to it; `completion` is None where the page was not asked about."""

    page: PageRead
    completion: Completion | None = None


def extract(
    document: Document,
    path: Path,
    question: Question,
    *,
    engine: Engine,
    reader: PageReader,
    passwords: Sequence[str] = (),
) -> DocumentOutcome:
    """Read one document, whose bytes lie at `path`, into records. A document at fault is an outcome, not an error.

    Raises EngineError when the engine can answer nothing.
    """
    try:
        num_pages = reader.num_pages(path, passwords)
        pages = list(reader.read(path, passwords))
    except ExtractionError as error:
        return failed(document.uri, error, document=document)
    requests = {
        index: ask(question, page, num_pages=num_pages, profile=engine.profile)
        for index, page in enumerate(pages)
        if page.raster is not None
    }
    completions = dict(zip(requests, engine.complete(list(requests.values())), strict=True))
    answers = [PageAnswer(page, completions.get(index)) for index, page in enumerate(pages)]
    return conclude(document, question, answers, num_pages=num_pages, profile=engine.profile)


def ask(question: Question, page: PageRead, *, num_pages: int, profile: EngineProfile) -> Request:
    """Make the request for one page: what is asked, of which pixels, and what the answer is held to."""
    assert page.raster is not None, page.outcome
    layout = page.layout if profile.takes_words else None
    index = page.outcome.page_index
    prompt = ask_for_record(question.root, layout, page_index=index, num_pages=num_pages)
    grammar = build_grammar(question.root, page.layout)
    return Request(f"page {index}", prompt, (page.raster,), grammar, question.max_new_tokens)


def conclude(
    document: Document, question: Question, answers: Sequence[PageAnswer], *, num_pages: int, profile: EngineProfile
) -> DocumentOutcome:
    """Turn a document's answered pages into its outcome: ground, merge, check. Every page keeps its own ending."""
    answered: list[AnsweredPage] = []
    outcomes: list[PageOutcome] = []
    for answer in answers:
        outcome = answer.page.outcome
        if answer.completion is not None:
            error = fault_of(answer.completion, question)
            if error is None:
                page = answer.page
                answered.append(AnsweredPage(outcome.page_index, page.layout, page.reader, answer.completion))
            else:
                outcome = page_failed(outcome.page_index, error)
        outcomes.append(outcome)
    records = (_record(document, question, answered, profile),) if answered else ()
    return DocumentOutcome(document.uri, document, num_pages, tuple(outcomes), records)


def fault_of(completion: Completion, question: Question) -> ExtractionError | None:
    """Say what is wrong with an answer, if anything is."""
    if completion.error is not None:
        return completion.error
    try:
        parse_answer(completion.text, question.root, is_cut=completion.stop_reason is not StopReason.END)
    except ExtractionError as error:
        return error
    return None


def page_failed(page_index: int, error: ExtractionError) -> PageOutcome:
    """The ending of a page that `error` ended."""
    return PageOutcome(page_index, PageState.FAILED, error.reason, str(error))


def failed(uri: str, error: ExtractionError, *, document: Document | None) -> DocumentOutcome:
    """The outcome of a document that `error` ended before its first page."""
    return DocumentOutcome(uri, document, 0, (), reason=error.reason, message=str(error))


def _record(document: Document, question: Question, answered: Sequence[AnsweredPage], profile: EngineProfile) -> Record:
    read = read_record(question.schema, answered)
    completions = [page.completion for page in answered]
    provenance = Provenance(
        schema_fingerprint=question.fingerprint,
        engine=profile.name,
        engine_fingerprint=profile.fingerprint,
        num_prompt_tokens=sum(completion.num_prompt_tokens for completion in completions),
        num_new_tokens=sum(completion.num_new_tokens for completion in completions),
        num_forced_tokens=sum(completion.num_forced_tokens for completion in completions),
    )
    return Record(
        document=document,
        schema=schema_name(question.schema),
        record_index=0,
        values=read.values,
        fields=read.fields,
        findings=read.findings,
        provenance=provenance,
        needs_review=read.needs_review,
    )
