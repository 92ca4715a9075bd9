"""The front page: one document, a schema and an engine make records. Read it from top to bottom.

Pages come from a `PageReader`, answers from an `Engine`; nothing is stored here. `pipeline` does the same for
many documents at once, with the same functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from llava_ocr.bundles.pages import remarks, split_pages
from llava_ocr.einvoice import BadEInvoice, EInvoice, read_einvoice
from llava_ocr.engines.base import Completion, Engine, EngineProfile
from llava_ocr.errors import EngineError, ExtractionError
from llava_ocr.grounding.certainty import shipped
from llava_ocr.grounding.read import AnsweredPage, ByRules, read_record
from llava_ocr.planner import Window
from llava_ocr.prompts import PromptForm
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead, PageReader
from llava_ocr.records import Document, DocumentOutcome, Finding, PageOutcome, PageState, Part, Provenance, Record
from llava_ocr.review.status import status_of
from llava_ocr.rulebook.answer import lists_by_rules
from llava_ocr.schema import schema_name
from llava_ocr.windows import Answered, Asked, Asker, by_rules, fault_of

# Requests that hold their pages' pixels at the same time.
PAGES_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class PageAnswer:
    """One page with the engine's answer to it; `completion` is None where the whole page was not asked about.

    `windows` are the answers to other requests that begin on this page: parts of it, or several pages at once.
    """

    page: PageRead
    completion: Completion | None = None
    windows: tuple[Answered, ...] = ()

    @property
    def answered(self) -> tuple[Answered, ...]:
        """Every answer that begins on this page, in the order of asking."""
        if self.completion is None:
            return self.windows
        return (Answered(Window((self.page.outcome.page_index,)), self.completion), *self.windows)


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
    except ExtractionError as error:
        return failed(document.uri, error, document=document)
    asker = Asker(question, engine.profile, num_pages=num_pages)
    pages: list[PageRead] = []
    answered: list[Answered] = []
    batches = _batches(reader.read(path, passwords), asker, pages)
    while True:
        try:
            batch = next(batches, None)
        except ExtractionError as error:
            return failed(document.uri, error, document=document)
        if batch is None:
            break
        answered += _answers(batch, asker, engine)
    return conclude(document, question, answers_of(pages, answered), num_pages=num_pages, profile=engine.profile)


def _batches(read: Iterable[PageRead], asker: Asker, pages: list[PageRead]) -> Iterator[list[Asked]]:
    """Read pages, which are kept in `pages` without their pixels, and yield what is to be asked, some at a time."""
    asked: list[Asked] = []
    for page in read:
        asked += asker.add(page)
        pages.append(replace(page, raster=None))
        if len(asked) >= PAGES_AT_ONCE:
            yield asked
            asked = []
    asked += asker.rest()
    if asked:
        yield asked


def _answers(asked: Sequence[Asked], asker: Asker, engine: Engine) -> list[Answered]:
    """Have everything answered, and what the answers leave to ask."""
    kept: list[Answered] = []
    while asked:
        completions = engine.complete([one.request for one in asked])
        if len(completions) != len(asked):
            raise EngineError(f"{engine.profile.name}: {len(completions)} answers to {len(asked)} requests")
        more: list[Asked] = []
        for one, completion in zip(asked, completions, strict=True):
            reply = asker.reply(one, completion)
            kept += [Answered(one.window, completion)] if reply.is_kept else []
            more += reply.asked
        asked = more
    return kept


def answers_of(pages: Sequence[PageRead], answered: Sequence[Answered]) -> list[PageAnswer]:
    """Put answers to the pages that they begin on; the first about a whole page is the page's own."""
    found: list[PageAnswer] = []
    for page in pages:
        here = [one for one in answered if one.window.pages[0] == page.outcome.page_index]
        whole = next((one for one in here if one.window.is_whole_page), None)
        rest = tuple(one for one in here if one is not whole)
        found.append(PageAnswer(page, whole.completion if whole else None, rest))
    return found


def conclude(
    document: Document, question: Question, answers: Sequence[PageAnswer], *, num_pages: int, profile: EngineProfile
) -> DocumentOutcome:
    """Turn a document's answered pages into its outcome: ground, merge, check. Every page keeps its own ending."""
    told = _Told()
    records: list[Record] = []
    for whole in _wholes(question, answers):
        sound = _sound(whole.answers, question, profile, told)
        if whole.number is not None and (sound or whole.einvoice):
            records.append(_record(document, question, whole, sound, profile=profile))
    outcomes = tuple(_outcome(answer.page, told) for answer in answers)
    seconds = {"engine": sum(one.completion.seconds for answer in answers for one in answer.answered)}
    return DocumentOutcome(document.uri, document, num_pages, outcomes, tuple(records), seconds=seconds)


@dataclass(frozen=True, eq=False)
class _Whole:
    """Pages that make one record: all of a file, or a part of a bundle. `number` is the record's; pages that belong to
    no document have none."""

    number: int | None
    answers: tuple[PageAnswer, ...]
    part: Part | None = None
    about_part: tuple[Finding, ...] = ()
    einvoice: bytes = b""

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """What a person should know of these pages, whatever was read of them."""
        return (*(finding for answer in self.answers for finding in answer.page.findings), *self.about_part)


def _wholes(question: Question, answers: Sequence[PageAnswer]) -> Iterator[_Whole]:
    """Part a file's pages into those of one record each, if it is a bundle; every page is in one whole."""
    if not question.is_bundle:
        first = answers[0].page if answers and question.reads_embedded else None
        yield _Whole(0, tuple(answers), einvoice=first.einvoice if first else b"")
        return
    left = {answer.page.outcome.page_index: answer for answer in answers}
    found = split_pages([answer.page for answer in answers], question.root)
    for number, part in enumerate(found.parts):
        here = tuple(left.pop(index) for index in part.page_indices if index in left)
        yield _Whole(number, here, part, tuple(remarks(found, part)))
    yield _Whole(None, tuple(left.values()))


@dataclass
class _Told:
    """What a document's answers come to beside the sound ones: what is wrong with pages, and what was known."""

    errors: dict[int, ExtractionError] = field(default_factory=dict)
    saved_s: list[tuple[int, float | None]] = field(default_factory=list)


def _sound(
    answers: Sequence[PageAnswer], question: Question, profile: EngineProfile, told: _Told
) -> list[AnsweredPage]:
    """Return the sound answers about the pages of one record; `told` takes note of the others."""
    pages = {answer.page.outcome.page_index: answer.page for answer in answers}
    lists = _lists(question, list(pages.values()), profile)
    sound: list[AnsweredPage] = []
    for one in (one for answer in answers for one in answer.answered):
        about = [pages[index] for index in one.window.pages]
        rules = replace(by_rules(about[0], question, profile), lists=lists.get(one.window.pages[0]))
        error = fault_of(one.completion, question.asked_of(profile, one.window.focus), rules)
        if error is None:
            sound.append(_answered(one, about, rules))
        elif not one.window.is_again:
            # A second reading that fails leaves its rows missing, which the record remarks.
            told.errors |= dict.fromkeys(one.window.pages, error)
        told.saved_s += [(index, one.completion.saved_s) for index in one.window.pages]
    return sound


def _answered(one: Answered, about: Sequence[PageRead], rules: ByRules) -> AnsweredPage:
    page = about[0]
    return AnsweredPage(
        page.outcome.page_index,
        page.layout,
        page.reader,
        one.completion,
        rules,
        focus=one.window.focus,
        band=one.window.band,
        next_layouts=tuple(after.layout for after in about[1:]),
    )


def _lists(question: Question, pages: Sequence[PageRead], profile: EngineProfile) -> dict[int, str]:
    """What the rulebook reads of a document's lists, by page, for an engine that reads none."""
    if profile.reads_lists:
        return {}
    answers = lists_by_rules(question.root, [page.layout for page in pages])
    return {page.outcome.page_index: answer for page, answer in zip(pages, answers, strict=True)}


def _outcome(page: PageRead, told: _Told) -> PageOutcome:
    index = page.outcome.page_index
    if index in told.errors:
        return page_failed(index, told.errors[index])
    outcome = page.outcome if page.layout is None else replace(page.outcome, words=page.words)
    # A page was known before where every answer about it was.
    saved = [seconds for number, seconds in told.saved_s if number == index]
    known = [seconds for seconds in saved if seconds is not None]
    return replace(outcome, saved_s=sum(known)) if known and len(known) == len(saved) else outcome


def page_failed(page_index: int, error: ExtractionError) -> PageOutcome:
    """The ending of a page that `error` ended."""
    return PageOutcome(page_index, PageState.FAILED, error.reason, str(error))


def failed(uri: str, error: ExtractionError, *, document: Document | None) -> DocumentOutcome:
    """The outcome of a document that `error` ended before its first page."""
    return DocumentOutcome(uri, document, 0, (), reason=error.reason, message=str(error))


def _embedded(xml: bytes) -> tuple[EInvoice | None, tuple[Finding, ...]]:
    """The e-invoice of a document, or a finding where there is one that can't be read."""
    try:
        return (read_einvoice(xml), ()) if xml else (None, ())
    except BadEInvoice as error:
        return None, (Finding("embedded_unreadable", f"the embedded e-invoice can't be read: {error}", ()),)


def _record(
    document: Document, question: Question, whole: _Whole, answered: Sequence[AnsweredPage], *, profile: EngineProfile
) -> Record:
    # The shipped certainty was fitted to answers that rules' guesses were told to.
    certainty = shipped() if profile.prompt_form is PromptForm.FIND else None
    embedded, about_embedded = _embedded(whole.einvoice)
    read = read_record(question.schema, answered, certainty=certainty, embedded=embedded)
    findings = (*read.findings, *about_embedded, *whole.remarks)
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
        record_index=whole.number or 0,
        values=read.values,
        fields=read.fields,
        findings=findings,
        provenance=provenance,
        needs_review=status_of(read.fields, findings).needs_review,
        part=whole.part,
    )
