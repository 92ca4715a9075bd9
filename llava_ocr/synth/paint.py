"""The front door: `paint(schema, seed)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llava_ocr.errors import ConfigError, UnknownSchema
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.dense import paint_list
from llava_ocr.synth.forms import paint_form
from llava_ocr.synth.invoice_page import paint_invoice
from llava_ocr.synth.notices import paint_notice
from llava_ocr.synth.order import paint_order
from llava_ocr.synth.receipt import paint_receipt
from llava_ocr.synth.sheets import sheets
from llava_ocr.synth.statement import paint_statement

PAINTERS: dict[str, Callable[[int], PaintedDocument]] = {
    "form": paint_form,
    "invoice": paint_invoice,
    "list": paint_list,
    "notice": paint_notice,
    "purchase_order": paint_order,
    "receipt": paint_receipt,
    "sheet": sheets,
    "statement": paint_statement,
}


def painter(schema: str, *, num_rows: int | None = None) -> Callable[[int], PaintedDocument]:
    """Return what paints documents of a type by their seed; statements may be of so many rows.

    Raises UnknownSchema, and ConfigError where the type's painter takes no number of rows.
    """
    if num_rows is None:
        return partial(paint, schema)
    if schema != "statement":
        raise ConfigError(f"only statements are painted with a given number of rows, not {schema!r}")
    return partial(paint_statement, num_bookings=num_rows)


def paint(schema: str, seed: int) -> PaintedDocument:
    """Paint one document. Equal seeds give equal documents everywhere, unless `fonts.system_fonts` adds looks.

    Raises UnknownSchema where nothing is known of how such a document looks.
    """
    if schema not in PAINTERS:
        raise UnknownSchema(f"no painter for `{schema}`; there are {', '.join(sorted(PAINTERS))}")
    return PAINTERS[schema](seed)
