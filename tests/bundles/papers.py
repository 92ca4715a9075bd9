"""Papers for bundles: invoices of a few lines, page by page, as text that `tests.fakes.paper` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from llava_ocr.bundles.face import PageFace, blank_face, read_face
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import EngineError
from llava_ocr.schema import tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from tests.fakes import ASPECT, words_of

ROOT = tree(Invoice)
BLANK = "!blank"
SELLERS = ("Alder Timber", "Birch Metals", "Cedar Tools", "Dogwood Paint")
NUM_LINES = 46


@dataclass(frozen=True)
class Paper:
    """An invoice to be: `is_counted` has page counters, `is_named` its number on every page."""

    number: int
    num_pages: int
    seller: int
    is_counted: bool
    is_named: bool

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """The amounts of its rows, one a page."""
        return tuple(Decimal(self.number % 7 + page + 1) for page in range(self.num_pages))

    def pages(self) -> list[str]:
        """Its pages as text."""
        return [self._page(index) for index in range(self.num_pages)]

    def _page(self, index: int) -> str:
        name = SELLERS[self.seller]
        head = [f"Invoice No: INV-{self.number}"] if self.is_named or index == 0 else []
        if index == 0:
            head = [
                name,
                "",
                "INVOICE",
                *head,
                f"Invoice Date: {self.number % 27 + 1}.03.2024",
                "Bill to",
                "A Buyer Ltd",
            ]
        rows = ["", "Description          Qty      Price     Amount" if index == 0 else ""]
        rows += [f"Goods {self.number}{index}          1      {self.amounts[index]}.00      {self.amounts[index]}.00"]
        total = [f"Grand total                         {sum(self.amounts)}.00"] if index == self.num_pages - 1 else []
        lines = [*head, *rows, "", *total]
        foot = [f"{name} mail@{name.split()[0].lower()}.example Bank DE{self.seller}{'9' * 18}"]
        foot += [f"Page {index + 1} of {self.num_pages}"] if self.is_counted else []
        return "\n".join(lines + [""] * (NUM_LINES - len(lines) - len(foot)) + foot)


def faces(pages: Sequence[str]) -> list[PageFace]:
    """The faces of pages of text."""
    return [
        blank_face(index) if text == BLANK else read_face(index, lay_out(words_of(text), aspect=ASPECT), ROOT)
        for index, text in enumerate(pages)
    ]


def file_of(papers: Sequence[Paper], *, is_separated: bool = False) -> tuple[list[str], dict[int, dict[str, object]]]:
    """One file of papers: its pages, and by page what an engine that reads well says of it."""
    pages: list[str] = []
    said: dict[int, dict[str, object]] = {}
    for number, one in enumerate(papers):
        if number and is_separated:
            pages.append(BLANK)
        for index, text in enumerate(one.pages()):
            said[len(pages)] = _said(one, index)
            pages.append(text)
    return pages, said


def _said(one: Paper, index: int) -> dict[str, object]:
    amount = f"{one.amounts[index]}.00"
    row = {"description": f"Goods {one.number}{index}", "quantity": "1", "unit_price": amount, "line_total": amount}
    said: dict[str, object] = {"lines": [row]}
    if one.is_named or index == 0:
        said["invoice_number"] = f"INV-{one.number}"
    if index == one.num_pages - 1:
        said["grand_total"] = f"{sum(one.amounts)}.00"
    return said


class ReaderOfPapers(ScriptedEngine):
    """Answers by a page's place in the file and counts what it is asked; at the `breaks_at`th page it fails."""

    def __init__(self, said: Mapping[int, dict[str, object]], *, breaks_at: int = 0, name: str = "scripted-1") -> None:
        super().__init__(lambda request: json.dumps(said[page_of(request)]), profile=replace(PROFILE, fingerprint=name))
        self.num_asked = 0
        self.breaks_at = breaks_at

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.num_asked += len(requests)
        if self.breaks_at and self.num_asked >= self.breaks_at:
            raise EngineError("gone")
        return super().complete(requests)


def page_of(request: Request) -> int:
    """The page that a request is about, whoever named it."""
    name = re.split(r"[ /]", request.id)[-1]
    return int(name.split(".")[0].split("-")[0])
