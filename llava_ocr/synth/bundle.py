"""Bundles: several painted documents in one file, as a scanner with a feeder leaves them.

Who has a pile of papers puts blank sheets between documents, or does not; both sides are scanned, or one. Some piles
come from one seller, where nothing but numbers and dates tells one document from the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from llava_ocr.synth.base import PaintedDocument, PaintedPage
from llava_ocr.synth.curate import Split, split_of
from llava_ocr.synth.invoice import Invoice, draw_invoice
from llava_ocr.synth.invoice_page import paint_content
from llava_ocr.synth.receipt import paint_receipt
from llava_ocr.synth.streams import chance, stream, weighted

# Held-out documents are one in eight.
MAX_TRIES = 1_000
MIN_DOCUMENTS, MAX_DOCUMENTS = 2, 6
SAME_SELLER_SHARE = 0.3
RECEIPT_SHARE = 0.2


class Backs(StrEnum):
    """Where blank pages lie: nowhere, between documents, after every page (one-sided papers scanned on both sides), or
    after documents with an odd number of pages (both sides printed)."""

    NONE = "none"
    BETWEEN = "between"
    EVERY = "every"
    EVEN = "even"


SHARES = ((Backs.NONE, 0.5), (Backs.BETWEEN, 0.2), (Backs.EVERY, 0.15), (Backs.EVEN, 0.15))


@dataclass(frozen=True, slots=True)
class Placed:
    """A document of a bundle and where its pages lie in the file."""

    document: PaintedDocument
    page_indices: tuple[int, ...]


@dataclass(frozen=True)
class PaintedBundle:
    """Documents in one file. `pages` are all of its pages, the blank ones too."""

    seed: int
    backs: Backs
    is_series: bool
    pages: tuple[PaintedPage, ...]
    placed: tuple[Placed, ...]


def paint_bundle(seed: int, *, split: Split | None = None) -> PaintedBundle:
    """Paint a bundle of invoices and receipts; all of their issuers are of the split, where one is given."""
    rng = stream("bundle", seed, "pile")
    num_documents = rng.randint(MIN_DOCUMENTS, MAX_DOCUMENTS)
    is_series = chance(rng, SAME_SELLER_SHARE)
    documents = paint_series(seed, num_documents, split=split) if is_series else _mixed(seed, num_documents, rng, split)
    backs = weighted(rng, SHARES)
    return replace(join(documents, backs), seed=seed, is_series=is_series)


def join(documents: Sequence[PaintedDocument], backs: Backs) -> PaintedBundle:
    """Put documents into one file, with blank pages as told."""
    pages: list[PaintedPage] = []
    placed: list[Placed] = []
    for number, document in enumerate(documents):
        indices: list[int] = []
        for page in document.pages:
            indices.append(len(pages))
            pages.append(page)
            if backs is Backs.EVERY:
                pages.append(blank_page(page))
        is_last = number == len(documents) - 1
        if (backs is Backs.BETWEEN and not is_last) or (backs is Backs.EVEN and len(indices) % 2):
            pages.append(blank_page(document.pages[-1]))
        placed.append(Placed(document, tuple(indices)))
    return PaintedBundle(0, backs, False, tuple(pages), tuple(placed))


def blank_page(like: PaintedPage) -> PaintedPage:
    """An empty page of the same size."""
    return PaintedPage(like.width_pt, like.height_pt, (), ())


def paint_series(seed: int, num_documents: int, *, split: Split | None = None) -> tuple[PaintedDocument, ...]:
    """Paint invoices of one seller in one look, each with its own number, date, customer and items."""
    for first in _seeds(seed):
        document = paint_content(invoice := draw_invoice(stream("invoice", first, "content")), first)
        if split in (None, split_of(document.origin)):
            others = (_of_same_seller(invoice, seed, number) for number in range(1, num_documents))
            return (document, *(paint_content(other, first) for other in others))
    raise AssertionError(f"bundle {seed}: no seller of the split in {MAX_TRIES} tries")


def _of_same_seller(invoice: Invoice, seed: int, number: int) -> Invoice:
    """Draw an invoice of the same market and language and put the seller's name to it."""
    attempt = 0
    while True:
        drawn = draw_invoice(stream("bundle", seed, number, attempt))
        if (drawn.market, drawn.style.language) == (invoice.market, invoice.style.language):
            return replace(drawn, seller=invoice.seller, style=invoice.style, industry=invoice.industry)
        attempt += 1


def _mixed(seed: int, num_documents: int, rng: Random, split: Split | None) -> tuple[PaintedDocument, ...]:
    found: list[PaintedDocument] = []
    issuers: set[str] = set()
    for one in _seeds(seed):
        document = (
            paint_receipt(one)
            if chance(rng, RECEIPT_SHARE)
            else paint_content(draw_invoice(stream("invoice", one, "content")), one)
        )
        if split in (None, split_of(document.origin)) and document.origin.issuer not in issuers:
            found.append(document)
            issuers.add(document.origin.issuer)
        if len(found) == num_documents:
            return tuple(found)
    raise AssertionError(f"bundle {seed}: only {len(found)} documents of the split in {MAX_TRIES} tries")


def _seeds(seed: int) -> Iterator[int]:
    """Seeds of single documents, which no other bundle's are."""
    return iter(range(10_000_000 + seed * MAX_TRIES, 10_000_000 + (seed + 1) * MAX_TRIES))
