"""The front page: one document, a schema and an engine make records. Read it from top to bottom.

Pages come from a `PageReader`, answers from an `Engine`; nothing is stored here. `pipeline` does the same for
many documents at once, with the same functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llava_ocr.constrain.lark import build_grammar, shape_only
from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request, StopReason
from llava_ocr.errors import ExtractionError
from llava_ocr.grounding.answer import parse_answer
from llava_ocr.grounding.certainty import shipped
from llava_ocr.grounding.read import AnsweredPage, ByRules, read_record
from llava_ocr.prompts import AS_GUESSED, NO_GUESSES, PROMPT_VERSION, PromptForm, ask_for_record, empty_answer
from llava_ocr.raster.base import PageRead, PageReader
from llava_ocr.records import Document, DocumentOutcome, Finding, PageOutcome, PageState, Provenance, Record
from llava_ocr.rulebook.answer import answer_by_rules, guesses
from llava_ocr.schema import DocumentSchema, GroupNode, Node, fingerprint, schema_name, tree, without_lists
from llava_ocr.words.layout import Layout

# The check that words of a text layer show on the page.
UNSEEN_WORDS = "unseen_words"


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

    def asked_of(self, profile: EngineProfile) -> GroupNode:
        """The part of the schema that an engine is asked for."""
        return self.root if profile.reads_lists else without_lists(self.root)


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
    root, form = question.asked_of(profile), profile.prompt_form
    guessed = _by_rules(page, question, profile).guesses
    prompt = ask_for_record(root, layout, page_index=index, num_pages=num_pages, form=form, guesses=guessed)
    grammar = build_grammar(root, page.layout, guesses=guessed) if profile.takes_grammar else shape_only(root)
    draft = _draft(root, page.layout, guessed) if profile.takes_grammar else ""
    return Request(f"page {index}", prompt, (page.raster,), grammar, question.max_new_tokens, draft)


def _draft(root: GroupNode, layout: Layout | None, guessed: Mapping[str, str]) -> str:
    """What rules answer, as an engine under a grammar would write it: by marks where it was told the guesses."""
    if layout is None or not layout.words:
        return ""
    answer = _marked(root, guessed) if guessed else json.loads(answer_by_rules(root, layout))
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _marked(node: Node, guessed: Mapping[str, str]) -> object:
    if isinstance(node, GroupNode):
        return {child.name: _marked(child, guessed) for child in node.children}
    return AS_GUESSED if node.path in guessed else empty_answer(node)


def conclude(
    document: Document, question: Question, answers: Sequence[PageAnswer], *, num_pages: int, profile: EngineProfile
) -> DocumentOutcome:
    """Turn a document's answered pages into its outcome: ground, merge, check. Every page keeps its own ending."""
    answered: list[AnsweredPage] = []
    outcomes: list[PageOutcome] = []
    for answer in answers:
        outcome = _with_words(answer.page)
        if answer.completion is not None:
            outcome = replace(outcome, saved_s=answer.completion.saved_s)
            page, by_rules = answer.page, _by_rules(answer.page, question, profile)
            error = fault_of(answer.completion, question.asked_of(profile), by_rules)
            if error is None:
                answered.append(AnsweredPage(outcome.page_index, page.layout, page.reader, answer.completion, by_rules))
            else:
                outcome = page_failed(outcome.page_index, error)
        outcomes.append(outcome)
    remarks = tuple(Finding(UNSEEN_WORDS, _on_page(answer.page), ()) for answer in answers if answer.page.remark)
    records = (_record(document, question, answered, profile, remarks=remarks),) if answered else ()
    seconds = {"engine": sum(answer.completion.seconds for answer in answers if answer.completion)}
    return DocumentOutcome(document.uri, document, num_pages, tuple(outcomes), records, seconds=seconds)


def _on_page(page: PageRead) -> str:
    return f"page {page.outcome.page_index + 1}: {page.remark}"


def _with_words(page: PageRead) -> PageOutcome:
    return page.outcome if page.layout is None else replace(page.outcome, words=page.layout.words)


def _by_rules(page: PageRead, question: Question, profile: EngineProfile) -> ByRules:
    """What the rulebook reads of a page for an engine that is told guesses, or reads no lists."""
    is_told = profile.prompt_form is PromptForm.FIND and profile.takes_words
    if page.layout is None or not page.layout.words:
        return ByRules(lists=None if profile.reads_lists else json.dumps(empty_answer(question.root)))
    return ByRules(
        guesses(question.root, page.layout) if is_told else NO_GUESSES,
        None if profile.reads_lists else answer_by_rules(question.root, page.layout),
    )


def fault_of(completion: Completion, root: GroupNode, by_rules: ByRules) -> ExtractionError | None:
    """Say what is wrong with an answer about `root`, if anything is."""
    if completion.error is not None:
        return completion.error
    try:
        is_cut = completion.stop_reason is not StopReason.END
        parse_answer(completion.text, root, is_cut=is_cut, guesses=by_rules.guesses)
    except ExtractionError as error:
        return error
    return None


def page_failed(page_index: int, error: ExtractionError) -> PageOutcome:
    """The ending of a page that `error` ended."""
    return PageOutcome(page_index, PageState.FAILED, error.reason, str(error))


def failed(uri: str, error: ExtractionError, *, document: Document | None) -> DocumentOutcome:
    """The outcome of a document that `error` ended before its first page."""
    return DocumentOutcome(uri, document, 0, (), reason=error.reason, message=str(error))


def _record(
    document: Document,
    question: Question,
    answered: Sequence[AnsweredPage],
    profile: EngineProfile,
    *,
    remarks: tuple[Finding, ...],
) -> Record:
    # The shipped certainty was fitted to answers that rules' guesses were told to.
    certainty = shipped() if profile.prompt_form is PromptForm.FIND else None
    read = read_record(question.schema, answered, certainty=certainty)
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
        findings=(*read.findings, *remarks),
        provenance=provenance,
        needs_review=read.needs_review or bool(remarks),
    )
