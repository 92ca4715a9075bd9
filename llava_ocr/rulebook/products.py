"""Columns by arithmetic: of all the numbers on a page's lines, those where quantity x price makes the total. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from llava_ocr.geometry import Box
from llava_ocr.rulebook.figures import Figure

# How far the edges or middles of a column's figures may lie apart, in page widths.
ALIGNED = 0.012
# Figures whose unit stands in their column with them drift further.
DRIFT = 0.06
# What one row proves: two factors that matter, a price rounded in print, a factor of one, a row that costs nothing.
PROOF, ROUNDED_PROOF, UNIT_PROOF, NIL_PROOF = 1.0, 0.6, 0.4, 0.1
# A product may miss a total by this share of it where the price is printed rounded.
MAX_ROUNDING = 0.005
# Prices are for one, or for so many, which then stand in the row.
BASES = (1, 10, 100, 1000)
# Of places where products stand, so many are tried; a page of prices holds more by chance.
MAX_SEEDS = 16
# Figures in one line, of which products are tried.
MAX_FIGURES = 12


@dataclass(frozen=True, slots=True)
class Product:
    """Figures of one line where quantity x price is the total, and what that proves."""

    quantity: Figure
    price: Figure
    total: Figure
    proof: float


@dataclass(frozen=True, slots=True)
class Anchors:
    """Where the three columns stand: a figure of each."""

    quantity: Box
    price: Box
    total: Box

    def holds(self, product: Product) -> bool:
        """Whether the product's figures stand in these columns; quantities may drift beside their units."""
        return (
            is_aligned(product.total.box, self.total)
            and is_aligned(product.price.box, self.price)
            and is_aligned(product.quantity.box, self.quantity, DRIFT)
        )


@dataclass(frozen=True)
class Ledger:
    """Three columns and the rows, by line, that prove them."""

    anchors: Anchors
    rows: Mapping[int, Product]

    @property
    def proof(self) -> float:
        """What all rows prove together."""
        return sum(row.proof for row in self.rows.values())


Lines = Mapping[int, Sequence[Figure]]


def is_aligned(box: Box, other: Box, slack: float = ALIGNED) -> bool:
    """Whether two figures stand in one column: by their left edges, their middles or their right edges."""
    return offset(box, other) <= slack


def offset(box: Box, other: Box) -> float:
    """How far two boxes are from standing in one column, in page widths."""
    return min(abs(box.x0 - other.x0), abs(box.x1 - other.x1), abs(box.center_x - other.center_x))


def ledgers(lines: Lines) -> list[Ledger]:
    """Return every way to lay three columns that holds most of its products, the best proven first."""
    products = {
        line: list(_products(figures[-MAX_FIGURES:], _bases(lines.get(line + 1, ()))))
        for line, figures in lines.items()
    }
    seeds: dict[tuple[int, ...], tuple[float, Anchors]] = {}
    for found in products.values():
        for product in found:
            anchors = Anchors(product.quantity.box, product.price.box, product.total.box)
            place = tuple(round(box.x1 / (2 * ALIGNED)) for box in (anchors.quantity, anchors.price, anchors.total))
            proof = seeds[place][0] if place in seeds else 0.0
            seeds[place] = (proof + product.proof, anchors)
    best = sorted(seeds.values(), key=lambda seed: -seed[0])[:MAX_SEEDS]
    laid = [Ledger(anchors, _rows(products, anchors)) for _, anchors in best]
    return sorted(laid, key=lambda ledger: -ledger.proof)


def _rows(products: Mapping[int, Sequence[Product]], anchors: Anchors) -> dict[int, Product]:
    rows: dict[int, Product] = {}
    for line, found in products.items():
        held = [product for product in found if anchors.holds(product)]
        if held:
            rows[line] = max(held, key=lambda one: (one.proof, -offset(one.quantity.box, anchors.quantity)))
    return rows


def _bases(figures: Sequence[Figure]) -> list[Figure]:
    """Of the figures in the line below, how many pieces the price may be for: `per 100`."""
    return [figure for figure in figures if not figure.is_rate and set(figure.amounts) & set(BASES[1:])]


def _products(figures: Sequence[Figure], bases: Sequence[Figure]) -> Iterator[Product]:
    """Yield products among a line's figures, either factor as the quantity."""
    amounts = [figure for figure in figures if not figure.is_rate]
    for at, one in enumerate(amounts):
        for other in amounts[at + 1 :]:
            if _share_words(one, other):
                continue
            for total in amounts:
                if _share_words(total, one) or _share_words(total, other):
                    continue
                rest = [figure for figure in (*figures, *bases) if figure not in (one, other, total)]
                proof = proof_of(one, other, total, rest)
                if proof:
                    product = Product(one, other, total, proof)
                    yield product
                    yield replace(product, quantity=other, price=one)


def _share_words(one: Figure, other: Figure) -> bool:
    return not set(one.value.words).isdisjoint(other.value.words)


def proof_of(one: Figure, other: Figure, total: Figure, rest: Sequence[Figure] = ()) -> float:
    """What it proves that two figures make a third, in one of their readings; 0 where they do not.

    `rest` are the row's other figures, of which one may be the number of pieces that the price is for, or a discount
    in percent.
    """
    best = 0.0
    for made, slack in _made(one, other, rest):
        for wanted in total.amounts:
            # Credit notes print a minus sign at the total alone, or at the quantity too.
            miss = min(abs(made - wanted), abs(made + wanted))
            if miss <= 0.5 * total.unit + 1e-6:
                best = max(best, PROOF)
            elif miss <= slack + 0.5 * total.unit and miss <= MAX_ROUNDING * abs(wanted):
                best = max(best, ROUNDED_PROOF)
    if not best:
        return 0.0
    if any(amount == 0 for amount in total.amounts):
        return NIL_PROOF
    is_unit = any(abs(amount) == 1 for figure in (one, other) for amount in figure.amounts)
    return UNIT_PROOF if is_unit else best


def _made(one: Figure, other: Figure, rest: Sequence[Figure]) -> Iterator[tuple[float, float]]:
    """Yield what two figures make, and how far rounding may have moved it."""
    bases = {amount for figure in rest if not figure.is_rate for amount in figure.amounts}
    discounts = {amount for figure in rest for amount in figure.amounts if 0 < amount < 100}
    for a in one.amounts:
        for b in other.amounts:
            slack = 0.5 * max(abs(a) * other.fraction, abs(b) * one.fraction)
            for base in BASES:
                if base == 1 or base in bases:
                    yield a * b / base, slack / base
            for discount in discounts:
                yield a * b * (1 - discount / 100), slack
