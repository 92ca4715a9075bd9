"""Rows of goods: which columns are quantity, price and total, and which lines are rows of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.rulebook.figures import Figure
from llava_ocr.rulebook.page import Label, RulePage
from llava_ocr.rulebook.products import (
    ALIGNED,
    DRIFT,
    PROOF,
    UNIT_PROOF,
    Ledger,
    Product,
    is_aligned,
    ledgers,
    offset,
)
from llava_ocr.schema import Kind, LeafNode

HALF_CENT = 0.005
# Headings stand at most this many word heights above the first row.
MAX_HEADING = 12.0
# Rows stand at most this many word heights apart.
MAX_GAP = 12.0
# What speaks for a way to lay the columns, per row, next to the rows' own proof: weak, for it only breaks ties.
LABEL_SHARE = 0.3
DECIMALS_SHARE = 0.1
LAST_SHARE = 0.15
FIRST_SHARE = 0.05
COUNTER_SHARE = 0.5


@dataclass(frozen=True)
class Goods:
    """The three leaves of a row that multiply; a schema may have some of them only."""

    quantity: LeafNode
    price: LeafNode | None
    total: LeafNode

    def labelled(self) -> list[tuple[str, LeafNode]]:
        """Each column's name in a ledger, with its leaf."""
        named = (("quantity", self.quantity), ("price", self.price), ("total", self.total))
        return [(name, leaf) for name, leaf in named if leaf is not None]


@dataclass(frozen=True, slots=True)
class Billed:
    """One row's figures by leaf path, and the line they stand on; `is_proven` tells that they multiply."""

    line: int
    figures: Mapping[str, Figure]
    is_proven: bool


def goods_of(leaves: Sequence[LeafNode]) -> Goods | None:
    """The first number is how many there are, the last amount what they cost, an amount before it the price of one."""
    numbers = [leaf for leaf in leaves if leaf.leaf.kind is Kind.NUMBER]
    amounts = [leaf for leaf in leaves if leaf.leaf.kind is Kind.MONEY]
    if not numbers or not amounts:
        return None
    return Goods(numbers[0], amounts[0] if len(amounts) > 1 else None, amounts[-1])


def read_goods(
    page: RulePage, goods: Goods, lines: Mapping[int, Sequence[Figure]], *, stops: Sequence[Box]
) -> list[Billed]:
    """Return rows whose figures multiply, with those that stand in their columns; none where nothing multiplies.

    `stops` are labels of totals: below the first of them under the first row, only products are rows.
    """
    laid = [(_standing(page, goods, ledger), ledger) for ledger in ledgers(lines)]
    sound = [(standing, ledger) for standing, ledger in laid if _is_sound(page, goods, ledger, lines)]
    if not sound:
        return []
    ledger = max(sound, key=lambda entry: entry[0])[1]
    first = page.layout.lines[min(ledger.rows)].box
    end = min((box.y0 for box in stops if box.y0 > first.y1), default=1.0)
    rows = [_billed(goods, line, product) for line, product in ledger.rows.items() if _counts(page, line, product, end)]
    rows += _unproven(page, goods, ledger, lines, end=end)
    return without_surplus(sorted(rows, key=lambda row: row.line), goods.total.path, _amounts_below(lines, rows))


def without_surplus(rows: Sequence[Billed], path: str, printed: frozenset[float]) -> list[Billed]:
    """Drop unproven rows where the proven ones alone make an amount that is printed, and all together do not.

    What is left out in any case are subtotals: unproven rows that are the sum of the rows above them.
    """
    proven = [row for row in rows if row.is_proven]
    if _makes(proven, path, printed) and not _makes(rows, path, printed):
        return proven
    kept: list[Billed] = []
    for row in rows:
        if row.is_proven or not kept or not _makes(kept, path, frozenset(row.figures[path].amounts)):
            kept.append(row)
    return kept


def _makes(rows: Sequence[Billed], path: str, printed: frozenset[float]) -> bool:
    made = sum(row.figures[path].amounts[0] for row in rows)
    return bool(rows) and any(abs(made - amount) < HALF_CENT for amount in printed)


def _amounts_below(lines: Mapping[int, Sequence[Figure]], rows: Sequence[Billed]) -> frozenset[float]:
    last = max((row.line for row in rows if row.is_proven), default=0)
    return frozenset(amount for line, figures in lines.items() if line > last for f in figures for amount in f.amounts)


def _counts(page: RulePage, line: int, product: Product, end: float) -> bool:
    return product.proof > UNIT_PROOF or page.layout.lines[line].box.center_y < end


def _is_sound(page: RulePage, goods: Goods, ledger: Ledger, lines: Mapping[int, Sequence[Figure]]) -> bool:
    """One product that can't be chance, or rows of one piece each that labels, one another or their sum confirm."""
    rows = ledger.rows.values()
    if any(row.proof > UNIT_PROOF for row in rows) and ledger.proof >= PROOF:
        return True
    if not any(row.proof >= UNIT_PROOF for row in rows):
        return False
    made = sum(row.total.amounts[0] for row in rows)
    below = (figure for line, figures in lines.items() if line > max(ledger.rows) for figure in figures)
    sums = [figure for figure in below if figure.fraction and abs(figure.amounts[0] - made) < HALF_CENT]
    return len(rows) > 1 or bool(sums) or _num_labels(page, goods, ledger) >= 2


def _standing(page: RulePage, goods: Goods, ledger: Ledger) -> float:
    rows, anchors = ledger.rows.values(), ledger.anchors
    share = LABEL_SHARE * _num_labels(page, goods, ledger)
    share += DECIMALS_SHARE * _share(row.price.num_decimals >= 2 for row in rows)
    share += DECIMALS_SHARE * _share(row.total.num_decimals == 2 for row in rows)
    share -= DECIMALS_SHARE * _share(row.quantity.num_decimals > row.price.num_decimals for row in rows)
    share -= LABEL_SHARE * _share(_is_odd(row) for row in rows)
    share += LAST_SHARE * (anchors.total.x1 > max(anchors.price.x1, anchors.quantity.x1))
    share += FIRST_SHARE * (anchors.quantity.x0 < anchors.price.x0)
    share -= COUNTER_SHARE * _counts_rows(ledger)
    return ledger.proof + share * max(1.0, ledger.proof)


def _share(flags: Iterable[bool]) -> float:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else 0.0


def _is_odd(product: Product) -> bool:
    """Whether its signs are nobody's: a price below zero, or a total with another sign than the quantity's."""
    quantity, price, total = (figure.amounts[0] for figure in (product.quantity, product.price, product.total))
    return price < 0 or quantity * price * total < 0


def _counts_rows(ledger: Ledger) -> bool:
    """Whether the quantities are 1, 2, 3, ...: a column of row numbers, most likely."""
    counted = [row.quantity for _, row in sorted(ledger.rows.items())]
    return all(at in figure.amounts for at, figure in enumerate(counted, 1)) and not any(f.fraction for f in counted)


def _num_labels(page: RulePage, goods: Goods, ledger: Ledger) -> float:
    """How many columns stand below a label of theirs, less those below a label of another."""
    top = page.layout.lines[min(ledger.rows)].box.y0
    paths = {leaf.path for _, leaf in goods.labelled()}
    heads = [
        label for label in page.labels if label.paths & paths and 0 <= top - label.box.y0 <= MAX_HEADING * page.height
    ]
    score = 0.0
    for name, leaf in goods.labelled():
        boxes: list[Box] = [getattr(row, name).box for row in ledger.rows.values()]
        over = [label for label in heads if _is_over(label, boxes)]
        if any(leaf.path in label.paths for label in over):
            score += 1
        elif over:
            score -= 1
    return score


def _is_over(label: Label, boxes: Sequence[Box]) -> bool:
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    return label.box.x0 < right + ALIGNED and label.box.x1 > left - ALIGNED


def _billed(goods: Goods, line: int, product: Product) -> Billed:
    figures = {leaf.path: getattr(product, name) for name, leaf in goods.labelled()}
    return Billed(line, figures, is_proven=True)


def _unproven(
    page: RulePage, goods: Goods, ledger: Ledger, lines: Mapping[int, Sequence[Figure]], *, end: float
) -> list[Billed]:
    """Lines with figures in the same columns: prices rounded away, discounts told elsewhere.

    Among the proven rows the total and one factor are enough; around them it takes all three, close by.
    """
    rows: list[Billed] = []
    boxes = [page.layout.lines[line].box for line in ledger.rows]
    top, bottom = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    for line, figures in sorted(lines.items()):
        box = page.layout.lines[line].box
        if line in ledger.rows or box.center_y >= end:
            continue
        found = _in_columns(goods, ledger, figures)
        is_amid = top < box.center_y < bottom
        is_near = top - MAX_GAP * page.height < box.center_y < bottom + MAX_GAP * page.height
        if goods.total.path in found and len(found) > 1 and (is_amid or (is_near and len(found) == 3)):
            rows.append(Billed(line, found, is_proven=False))
    return rows


def _in_columns(goods: Goods, ledger: Ledger, figures: Sequence[Figure]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    free = [figure for figure in figures if not figure.is_rate]
    for name, leaf in reversed(goods.labelled()):
        anchor = _span(ledger, name)
        slack = DRIFT if name == "quantity" else ALIGNED
        near = [figure for figure in free if is_aligned(figure.box, anchor, slack)]
        if near:
            found[leaf.path] = min(near, key=lambda figure: offset(figure.box, anchor))
            taken = set(found[leaf.path].value.words)
            free = [figure for figure in free if taken.isdisjoint(figure.value.words)]
    return found


def _span(ledger: Ledger, name: str) -> Box:
    """The column's widest figure."""
    boxes: list[Box] = [getattr(row, name).box for row in ledger.rows.values()]
    return max(boxes, key=lambda box: box.width)
