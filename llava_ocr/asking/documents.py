"""Questions to every document of a source: fetch, read its pages a few at a time, ask; whatever fails is an answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from llava_ocr.asking.answering import (
    PAGES_AT_ONCE,
    Remembering,
    check_manner,
    least_sure,
    open_interview,
    remember_nothing,
    settled,
)
from llava_ocr.asking.answers import NOTHING_THERE, Answer, absent, failed
from llava_ocr.asking.order import AskOrder
from llava_ocr.asking.questions_file import read_questions
from llava_ocr.cached import CachedEngine
from llava_ocr.db.answers import Answers
from llava_ocr.engines.base import Engine
from llava_ocr.errors import DatabaseError, EngineError, ExtractionError, InputError
from llava_ocr.ledger.order import is_no_document
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.records import PageOutcome
from llava_ocr.schema import DocumentSchema, fingerprint, leaves, tree
from llava_ocr.services import Services
from llava_ocr.store.base import ObjectInfo, Store
from llava_ocr.store.open import open_source


class NoSuchPage(InputError):
    """The document has fewer pages than the one that is asked."""

    hint = "Give a page that the document has, counted from 1, or leave --page out."


@dataclass(frozen=True)
class AnsweredDocument:
    """One document and an answer to each question; `document_id` is empty where it could not be fetched."""

    uri: str
    document_id: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Inquiry:
    """An order made ready: its questions, the document type that answers are typed as, and what they depend on."""

    order: AskOrder
    questions: tuple[str, ...]
    kind: type[DocumentSchema] | None
    fingerprint: str


def prepare(order: AskOrder, services: Services) -> Inquiry:
    """Check an order. Raises ConfigError (a file of no questions, an unknown type), EngineError."""
    kind = services.catalog.get(order.schema_name) if order.schema_name else None
    check_manner(services.engine, order.manner)
    questions = read_questions(order.questions_file) if order.questions_file else order.questions
    if not questions and kind is not None:
        questions = tuple(leaf.path for leaf in leaves(tree(kind)) if "[]" not in leaf.path)
    of_kind = fingerprint(kind, prompt_version="") if kind is not None else ""
    return Inquiry(order, questions, kind, order.fingerprint(services.engine.profile.fingerprint, of_kind))


def objects(order: AskOrder, services: Services) -> tuple[Store, Iterator[ObjectInfo]]:
    """The order's documents, in key order. Raises ConfigError, StoreError."""
    source = open_source(order.source, services.settings)
    return source.store, islice(source.store.list(source.select()), order.limit)


def ask_documents(
    inquiry: Inquiry, infos: Iterable[ObjectInfo], store: Store, services: Services
) -> Iterator[AnsweredDocument]:
    """Yield each document with its answers. Raises EngineError when the engine can answer nothing."""
    ask = partial(_ask, inquiry=inquiry, services=services)
    with tempfile.TemporaryDirectory(prefix="llava-ocr-ask-") as folder:
        for info in infos:
            path, document_id = Path(folder) / "document", ""
            try:
                document_id = store.fetch(info, path, max_bytes=services.settings.max_bytes).id
                answers = ask(path, document_id=document_id)
            except (EngineError, DatabaseError):
                # No fault of the document: the next would fare no better.
                raise
            except ExtractionError as error:
                if is_no_document(info.uri, error.reason):
                    continue
                answers = [failed(one, error) for one in inquiry.questions]
            finally:
                path.unlink(missing_ok=True)
            yield AnsweredDocument(info.uri, document_id, tuple(answers))


def remembering(order: AskOrder, services: Services) -> Remembering:
    """The memory that the settings give: answers are kept in the database, unless the order or its room forbids."""
    if not order.use_cache or not services.settings.cache_bytes:
        return remember_nothing

    def remember(engine: Engine, question: Question) -> Engine:
        answers = Answers(services.database, limit_bytes=services.settings.cache_bytes)
        return CachedEngine(engine, answers, question, count=services.metrics.add_lookups)

    return remember


def _ask(path: Path, *, inquiry: Inquiry, services: Services, document_id: str) -> list[Answer]:
    order, engine = inquiry.order, services.metered
    num_pages = services.reader.num_pages(path, services.passwords)
    if order.page is not None and order.page > num_pages:
        raise NoSuchPage(f"there is no page {order.page}, the document has {num_pages}")
    interview = open_interview(
        inquiry.questions,
        engine,
        num_pages=num_pages,
        manner=order.manner,
        catalog=services.catalog,
        remembering=remembering(order, services),
        kind=inquiry.kind,
        document_id=document_id,
    )
    pages = services.reader.read(path, services.passwords)
    outcomes = _hear(_chosen(pages, order.page), interview.hear)
    is_heard = any(outcome.has_raster for outcome in outcomes)
    answers = interview.answers() if is_heard else [absent(one, NOTHING_THERE) for one in inquiry.questions]
    return settled(answers, [one.outcome for one in outcomes], least=least_sure(engine, order.min_confidence))


@dataclass(frozen=True)
class _Seen:
    outcome: PageOutcome
    has_raster: bool


def _hear(pages: Iterable[PageRead], hear: Callable[[Sequence[PageRead]], None]) -> list[_Seen]:
    """Have pages asked as they come, a few at a time; what each came to is kept, its pixels are not."""
    seen: list[_Seen] = []
    waiting: list[PageRead] = []
    for page in pages:
        seen.append(_Seen(page.outcome, page.raster is not None))
        waiting += [page] if page.raster is not None else []
        if len(waiting) == PAGES_AT_ONCE:
            hear(waiting)
            waiting = []
    if waiting:
        hear(waiting)
    return seen


def _chosen(pages: Iterator[PageRead], page: int | None) -> Iterator[PageRead]:
    """All pages, or only one, counted from 1; those after it are not read."""
    for read in pages:
        if page is None or read.outcome.page_index == page - 1:
            yield read
            if page is not None:
                return
