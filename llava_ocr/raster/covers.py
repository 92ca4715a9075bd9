"""Pages that only stand in for what lies elsewhere: the cover of a PDF portfolio, the notice of an XFA form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llava_ocr.raster.base import PageRead
from llava_ocr.raster.drawer import EmbeddedFile, Paper
from llava_ocr.raster.sniff import HEAD_BYTES, Format, sniff
from llava_ocr.records import Finding
from llava_ocr.words.layout import Layout

COVER_PAGE = "cover_page"
# A document of its own says more than a cover sheet does, or has an amount.
_MAX_WORDS, _MAX_WORDS_OF_A_COVER = 120, 60
_AMOUNT = re.compile(r"\d[.,]\d\d(?!\d)")
# What Adobe's programs write on such pages; of the languages they write it in, all name a program or the portfolio.
_NOTICE = re.compile(
    r"\bPDF[- ]?portfolio|\bporte-documents PDF|\bportafolios? PDF|\bAdobe (Acrobat|Reader)|\bAcrobat (X|Reader|DC)\b"
    r"|if this message is not eventually replaced",
    re.IGNORECASE,
)


def embedded_pdfs(paper: Paper) -> list[EmbeddedFile]:
    """List the PDFs inside of a document, each under a name of its own. Raises InputError."""
    found: list[EmbeddedFile] = []
    taken: set[str] = set()
    for file in paper.embedded():
        if _is_pdf(file):
            name, number = file.name or "unnamed.pdf", 2
            while name in taken:
                name, number = f"{file.name or 'unnamed.pdf'} ({number})", number + 1
            taken.add(name)
            found.append(EmbeddedFile(name, file.read))
    return found


def cover_findings(page: PageRead, *, is_placeholder: bool, embedded: Sequence[str]) -> Iterator[Finding]:
    """Say of a document's first page that it stands in for something else, where it does."""
    text = _text(page.layout)
    num_words = len(text.split())
    is_bare = bool(embedded) and num_words <= _MAX_WORDS_OF_A_COVER
    is_notice = num_words <= _MAX_WORDS and _NOTICE.search(text) is not None
    if is_placeholder:
        message = "an XFA form, which only Adobe's programs draw; what was read is the notice in its place"
        yield Finding(COVER_PAGE, f"page {page.outcome.page_index + 1}: {message}", ())
    elif (is_bare or is_notice) and _AMOUNT.search(text) is None:
        what = (
            f"a cover of {len(embedded)} embedded PDF{'s' if len(embedded) != 1 else ''}, which are read by themselves"
        )
        message = what if embedded else "a notice of Adobe's programs in place of a document"
        yield Finding(COVER_PAGE, f"page {page.outcome.page_index + 1}: {message}", ())


def _text(layout: Layout | None) -> str:
    return " ".join(layout.words[index].text for index in layout.order) if layout is not None else ""


def _is_pdf(file: EmbeddedFile) -> bool:
    """By its name; of a name that tells nothing, by its first bytes."""
    _, dot, ending = file.name.rpartition(".")
    return ending.lower() == "pdf" if dot else sniff(file.read()[:HEAD_BYTES]) is Format.PDF
