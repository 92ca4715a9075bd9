"""Descriptions of every document of a source; whatever fails is told as a description."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from llava_ocr.asking.answering import PAGES_AT_ONCE, can_speak
from llava_ocr.asking.describing import DescribeKind, Description, check_kind, describe_pages
from llava_ocr.asking.documents import NoSuchPage
from llava_ocr.db.upserts import chunks
from llava_ocr.errors import ConfigError, EngineError, ExtractionError
from llava_ocr.jsonform import to_json
from llava_ocr.ledger.order import is_no_document
from llava_ocr.raster.base import PageRead
from llava_ocr.records import PageState
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import ObjectInfo, Store
from llava_ocr.store.open import open_source

_DATA = (DescribeKind.TABLE, DescribeKind.CHART)


class DescribeOrder(BaseModel):
    """What to describe and how. Unset ones fall back to the settings of the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1, description="A folder, a file, or s3://bucket/prefix; globs allowed")]
    kind: Annotated[DescribeKind, Field(description="caption, alt, detailed, chart, table or diagram")] = (
        DescribeKind.CAPTION
    )
    page: Annotated[
        int | None, Field(ge=1, description="This page, from 1; else data of all pages, or words about the first")
    ] = None
    engine: Annotated[str | None, Field(description="`small`, a folder or hub name, endpoint, rules, scripted")] = None
    limit: Annotated[int | None, Field(ge=1, description="Stop after this many objects")] = None

    def settings(self, base: Settings) -> Settings:
        """The machine's settings with what this order says in their place."""
        return override(base, engine=self.engine)


@dataclass(frozen=True)
class DescribedDocument:
    """One document and what came of it; a document that failed as a whole has one description, which says why."""

    uri: str
    document_id: str
    descriptions: tuple[Description, ...]

    @property
    def reasons(self) -> list[str]:
        """What failed."""
        return [one.reason for one in self.descriptions if one.reason]


def describe_documents(
    order: DescribeOrder, infos: Iterable[ObjectInfo], store: Store, services: Services
) -> Iterator[DescribedDocument]:
    """Yield each document described. Raises CantSpeak, EngineError when the engine can answer nothing."""
    check_kind(order.kind, services.engine)
    with tempfile.TemporaryDirectory(prefix="llava-ocr-describe-") as folder:
        for info in infos:
            path, document_id = Path(folder) / "document", ""
            try:
                document_id = store.fetch(info, path, max_bytes=services.settings.max_bytes).id
                found = _describe(path, order, services)
            except EngineError:
                # No fault of the document: the next would fare no better.
                raise
            except ExtractionError as error:
                if is_no_document(info.uri, error.reason):
                    continue
                found = [Description(order.kind, reason=error.reason, message=str(error))]
            finally:
                path.unlink(missing_ok=True)
            yield DescribedDocument(info.uri, document_id, tuple(found))


def description_objects(document: DescribedDocument, engine: str) -> list[dict[str, Any]]:
    """A document's descriptions as plain values for JSON."""
    return [
        {
            "uri": document.uri,
            "document_id": document.document_id,
            "kind": one.kind.value,
            "page_index": one.page_index,
            "made_by": one.made_by.value if one.made_by else None,
            "text": one.text,
            "tables": [
                {"columns": list(table.columns), "rows": [list(row) for row in table.rows], "is_cut": table.is_cut}
                for table in one.tables
            ],
            "reason": one.reason,
            "message": one.message,
            "engine": engine,
        }
        for one in document.descriptions
    ]


def _describe(path: Path, order: DescribeOrder, services: Services) -> list[Description]:
    num_pages = services.reader.num_pages(path, services.passwords)
    if order.page is not None and order.page > num_pages:
        raise NoSuchPage(f"there is no page {order.page}, the document has {num_pages}")
    pages = _wanted(services.reader.read(path, services.passwords), order)
    if order.kind not in _DATA and can_speak(services.engine):
        # Words are about one page, the first that has something on it.
        first = next((page for page in pages if page.raster is not None or _is_broken(page)), None)
        return _window([] if first is None else [first], order, services, num_pages=num_pages)
    # Rules make one caption of all pages, and data comes of each.
    windows = chunks(pages, PAGES_AT_ONCE) if order.kind in _DATA else [list(pages)]
    return [one for window in windows for one in _window(window, order, services, num_pages=num_pages)]


def _window(
    pages: Sequence[PageRead], order: DescribeOrder, services: Services, *, num_pages: int
) -> list[Description]:
    described = describe_pages(pages, order.kind, services.metered, num_pages=num_pages, catalog=services.catalog)
    broken = [page.outcome for page in pages if _is_broken(page)]
    return described + [
        Description(order.kind, outcome.page_index, reason=outcome.reason, message=outcome.message)
        for outcome in broken
    ]


def _wanted(pages: Iterator[PageRead], order: DescribeOrder) -> Iterator[PageRead]:
    for page in pages:
        if order.page is None or page.outcome.page_index == order.page - 1:
            yield page
            if order.page is not None:
                return


def _is_broken(page: PageRead) -> bool:
    return page.outcome.state is PageState.FAILED


def write_descriptions(order: DescribeOrder, services: Services, *, out: Path) -> tuple[Counter[str], int]:
    """Describe the order's documents into a file of JSON lines; return what failed, and how many documents there were.

    Raises ConfigError for a file that can't be written, as `describe_documents` otherwise.
    """
    check_kind(order.kind, services.engine)
    source = open_source(order.source, services.settings)
    infos = islice(source.store.list(source.select()), order.limit)
    reasons: Counter[str] = Counter()
    num_documents = 0
    try:
        with out.open("w", encoding="utf-8") as stream:
            for document in describe_documents(order, infos, source.store, services):
                num_documents += 1
                reasons.update(document.reasons)
                for told in description_objects(document, services.engine.profile.name):
                    stream.write(to_json(told) + "\n")
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}") from None
    return reasons, num_documents
