"""Which fields stand for a record in a list: who, number, day, amount, currency. Derived from the schema. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llava_ocr.schema import DocumentSchema, Kind, LeafNode, leaves, tree


@dataclass(frozen=True, slots=True)
class Headline:
    """Paths of the fields that a list shows, each empty where the schema has none such.

    `business_key` are the paths of the fields that together name a transaction, with spaces between.
    """

    party: str = ""
    number: str = ""
    issued_on: str = ""
    amount: str = ""
    currency: str = ""
    business_key: str = ""


def headline_of(schema: type[DocumentSchema]) -> Headline:
    """Choose the fields of a list: those of the business key first, then the first of the right kind."""
    header = [leaf for leaf in leaves(tree(schema)) if "[" not in leaf.path]
    keys = [leaf for path in schema.business_key for leaf in header if leaf.path == path]
    ranked = [*keys, *(leaf for leaf in header if leaf not in keys)]
    texts = [leaf.path for leaf in ranked if leaf.leaf.kind is Kind.TEXT]
    party = next((path for path in texts if path.rpartition(".")[2] in ("name", "merchant_name")), "")
    numbers = [path for path in texts if path.rpartition(".")[2].endswith(("number", "_no", "_id"))]
    return Headline(
        party=party or next(iter(texts), ""),
        number=next(iter(numbers), ""),
        issued_on=_first(ranked, Kind.DATE),
        amount=_first(ranked, Kind.MONEY),
        currency=next((leaf.path for leaf in ranked if leaf.leaf.checksum == "currency"), ""),
        business_key=" ".join(leaf.path for leaf in keys) if len(keys) == len(schema.business_key) else "",
    )


def _first(ranked: Sequence[LeafNode], kind: Kind) -> str:
    paths: Iterator[str] = (leaf.path for leaf in ranked if leaf.leaf.kind is kind)
    return next(paths, "")
