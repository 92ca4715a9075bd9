"""A source's scans to PDFs that can be searched. Pages are read and copies written in child processes."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from llava_ocr.engines.scripted import PROFILE
from llava_ocr.errors import ConfigError, ExtractionError
from llava_ocr.ledger.order import is_no_document
from llava_ocr.raster.base import Limits, OcrMode, PageReader, PdfLibrary, ReadOptions
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.raster.sniff import Format, sniff_path
from llava_ocr.records import PageState, PageWords, WordReader
from llava_ocr.searchable.checking import WordBoxes, match_words
from llava_ocr.searchable.child import write_in_child
from llava_ocr.store.base import Fetched, ObjectInfo, Store
from llava_ocr.store.local import LocalStore
from llava_ocr.store.open import Source

# Raise when copies are written otherwise: those that are there are then written again.
VERSION = 1
_MARK = b"%llava-ocr searchable "
_TAIL_BYTES = 200


class CopyState(StrEnum):
    """What became of a document."""

    LAYERED = "layered"
    COPIED = "copied"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SearchableCopy:
    """One document's copy. `num_layered` pages have a new layer; `left` says why pages that needed one have none.

    `found` is what of the new words was found again, where that was looked for.
    """

    uri: str
    key: str
    state: CopyState
    num_pages: int = 0
    num_layered: int = 0
    num_words: int = 0
    left: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    found: WordBoxes | None = None

    @property
    def is_ok(self) -> bool:
        """Whether nothing of it failed."""
        return not self.reason


@dataclass(frozen=True)
class Desk:
    """What copies are made with."""

    source: Source
    out: Path
    limits: Limits
    reader: PageReader
    checker: PageReader | None = None
    passwords: tuple[str, ...] = ()


def open_reader(limits: Limits, *, pdf: PdfLibrary, ocr: OcrMode, num_children: int) -> PageReader:
    """Open a reader for words alone: pixels are drawn for the OCR reader only, and every line counts as text."""
    options = ReadOptions(PROFILE, limits, pdf=pdf, ocr=ocr, max_tiles=0, keeps_commands=True)
    return open_page_reader(options, num_children=num_children)


def check_apart(source: Source, out: Path) -> None:
    """Raise ConfigError where copies would lie among the originals."""
    if isinstance(source.store, LocalStore):
        root, target = source.store.root.resolve(), out.resolve()
        if target == root or root in target.parents:
            raise ConfigError(
                f"{out}: lies in the source; give a folder outside it, so that originals stay as they are"
            )


def make_searchable(infos: Iterable[ObjectInfo], desk: Desk) -> Iterator[SearchableCopy]:
    """Make every object's copy in the folder `out`, under its own key. One at fault costs only itself."""
    desk.out.mkdir(parents=True, exist_ok=True)
    copies = LocalStore(desk.out)
    with tempfile.TemporaryDirectory(prefix="llava-ocr-searchable-") as folder:
        for info in infos:
            try:
                fetched = desk.source.store.fetch(info, Path(folder) / "original", max_bytes=desk.limits.max_bytes)
                yield _copy(fetched, Path(folder) / "copy", copies, desk)
            except ExtractionError as error:
                if is_no_document(info.uri, error.reason):
                    continue
                yield SearchableCopy(info.uri, info.key, CopyState.FAILED, reason=error.reason, message=str(error))


def _copy(fetched: Fetched, written: Path, copies: Store, desk: Desk) -> SearchableCopy:
    is_pdf = sniff_path(fetched.path) is Format.PDF
    key = fetched.info.key if is_pdf else f"{fetched.info.key}.pdf"
    made = SearchableCopy(fetched.info.uri, key, CopyState.KEPT)
    if _is_made(desk.out / key, fetched.id):
        return made
    words, made = _needed(fetched.path, made, desk)
    written.unlink(missing_ok=True)
    if words or not is_pdf:
        made = _layered(fetched.path, written, words, made, desk)
    if written.exists():
        with written.open("ab") as stream:
            stream.write(_mark(fetched.id))
        made = replace(made, state=CopyState.LAYERED, found=_found_again(written, words, desk))
    else:
        shutil.copyfile(fetched.path, written)
        made = replace(made, state=CopyState.COPIED)
    copies.put(key, written.read_bytes())
    return made


def _needed(path: Path, made: SearchableCopy, desk: Desk) -> tuple[dict[int, PageWords], SearchableCopy]:
    """The words of pages whose text layer is missing or no good, as the OCR reader read them."""
    words: dict[int, PageWords] = {}
    num_pages = 0
    # Page by page: a thousand pages' pixels need not be held.
    for page in desk.reader.read(path, desk.passwords):
        num_pages += 1
        if page.reader is WordReader.OCR:
            words[page.outcome.page_index] = PageWords(page.words, page.reader, turn=page.outcome.turn)
        if page.outcome.state is PageState.FAILED and not made.reason:
            made = replace(made, reason=page.outcome.reason, message=page.outcome.message)
    return words, replace(made, num_pages=num_pages)


def _layered(
    path: Path, written: Path, words: Mapping[int, PageWords], made: SearchableCopy, desk: Desk
) -> SearchableCopy:
    told = write_in_child(path, written, words, passwords=desk.passwords, limits=desk.limits)
    left = tuple(f"page {index + 1}: {why}" for index, why in told.left.items())
    return replace(made, num_layered=len(told.layered), num_words=told.num_words, left=left)


def _found_again(written: Path, words: Mapping[int, PageWords], desk: Desk) -> WordBoxes | None:
    if desk.checker is None:
        return None
    total = WordBoxes()
    for page in desk.checker.read(written, desk.passwords):
        if page.outcome.page_index in words:
            total += match_words(words[page.outcome.page_index].words, page.words)
    return total


def _mark(document_id: str) -> bytes:
    return b"\n" + _MARK + f"{VERSION} {document_id}\n".encode("ascii")


def _is_made(copy: Path, document_id: str) -> bool:
    """Whether the copy there is this document's: marked as such, or the document itself, which needed nothing."""
    if not copy.is_file():
        return False
    with copy.open("rb") as stream:
        stream.seek(max(0, copy.stat().st_size - _TAIL_BYTES))
        if _mark(document_id) in stream.read():
            return True
        stream.seek(0)
        return hashlib.file_digest(stream, "sha256").hexdigest() == document_id
