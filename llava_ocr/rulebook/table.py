"""Rows of a table: columns by the labels of its heading, rows while amounts go on below it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.rulebook.billing import goods_of, read_goods
from llava_ocr.rulebook.descriptions import text_by_row
from llava_ocr.rulebook.figures import figures_by_line
from llava_ocr.rulebook.page import Label, RulePage, Value
from llava_ocr.rulebook.roles import Role, role_of
from llava_ocr.rulebook.subtotals import names_a_sum, until_subtotal
from llava_ocr.schema import Kind, LeafNode, RowsNode

# A table ends where no row begins for this many word heights.
MAX_GAP = 15.0
# A figure that its column's label does not stand above is at most this far from it, in page widths.
MAX_OFFSET = 0.04
# The second line of a heading stands within this many word heights of the first.
HEADING_LINES = 1.6


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a table: where each column's label stands."""

    columns: dict[str, Box]
    words: frozenset[int]
    bottom: float

    @property
    def right(self) -> float:
        """Right edge of the last column that has a label."""
        return max(box.x1 for box in self.columns.values())


def find_heading(page: RulePage, node: RowsNode) -> Heading | None:
    """Return the line with the labels of most columns, two at least, and the line below it if that is one too."""
    best: Heading | None = None
    leaves = _leaves(node)
    paths = {leaf.path for leaf in leaves}
    for line in page.layout.lines:
        labels = [label for label in page.labels if label.paths & paths and _in_band(label, line.box, page)]
        columns = _columns(labels, leaves)
        has_amounts = any(value.box.center_y < line.box.y1 for value in _on_lines(page, leaves, line.box))
        if len(columns) > (len(best.columns) if best else 1) and not has_amounts:
            words = frozenset(index for label in labels for index in label.words)
            best = Heading(columns, words, max(label.box.y1 for label in labels))
    return best


def read_rows(
    page: RulePage, node: RowsNode, heading: Heading | None, *, stops: Sequence[Box]
) -> list[dict[str, Value]]:
    """Return the rows as values by leaf path; `stops` are labels of totals, at the first of which below it ends."""
    leaves = _leaves(node)
    rows = _multiplying(page, leaves, heading, stops=stops) or _billing(page, leaves, heading, stops=stops)
    text = _text_leaf(leaves)
    if text is not None and rows:
        for cells in rows.values():
            cells.pop(text.path, None)
        figures = {line: frozenset(i for v in cells.values() for i in v.words) for line, cells in rows.items()}
        for line, value in text_by_row(page, figures, labels=_labels_over(page, text, rows)).items():
            rows[line][text.path] = value
    return [rows[line] for line in sorted(rows)][: node.hint.max_rows or None]


def _multiplying(
    page: RulePage, leaves: Sequence[LeafNode], heading: Heading | None, *, stops: Sequence[Box]
) -> dict[int, dict[str, Value]]:
    """Rows by line, in the columns that arithmetic tells; what else the row holds, by the heading."""
    goods = goods_of(leaves)
    if goods is None:
        return {}
    rows: dict[int, dict[str, Value]] = {}
    told = {leaf.path for _, leaf in goods.labelled()}
    others = [leaf for leaf in leaves if leaf.path not in told]
    for row in read_goods(page, goods, figures_by_line(page, goods.total), stops=stops):
        cells = {path: figure.value for path, figure in row.figures.items()}
        if heading is not None:
            cells = _cells(page, others, heading, words=page.layout.lines[row.line].words) | cells
        rows[row.line] = cells
    return rows


def _billing(
    page: RulePage, leaves: Sequence[LeafNode], heading: Heading | None, *, stops: Sequence[Box]
) -> dict[int, dict[str, Value]]:
    """Rows by line, below the heading and above their sum."""
    rows = _headed(page, leaves, heading, stops=stops)
    goods = goods_of(leaves)
    if goods is None:
        return rows
    kept = until_subtotal(page, list(rows.values()), goods.total.path)
    return dict(list(rows.items())[: len(kept)])


def _headed(
    page: RulePage, leaves: Sequence[LeafNode], heading: Heading | None, *, stops: Sequence[Box]
) -> dict[int, dict[str, Value]]:
    """Rows by line, in the columns that the heading tells."""
    amounts = [leaf for leaf in leaves if leaf.leaf.kind is Kind.MONEY]
    if heading is None or not amounts:
        return {}
    end = min((box.y0 for box in stops if box.y0 > heading.bottom), default=1.0) - 0.3 * page.height
    rows: dict[int, dict[str, Value]] = {}
    bottom = heading.bottom
    for number, line in enumerate(page.layout.lines):
        if line.box.center_y <= heading.bottom or line.box.center_y >= end:
            continue
        if line.box.y0 - bottom > MAX_GAP * page.height and rows:
            break
        cells = _cells(page, leaves, heading, words=line.words)
        if rows and len(cells) == 2 and names_a_sum(line.segments[0].text):
            break
        if _is_row(cells, amounts):
            rows[number] = cells
            bottom = line.box.y1
    return rows


def _text_leaf(leaves: Sequence[LeafNode]) -> LeafNode | None:
    """The leaf that says what was sold: of several texts, the first whose label is no number's."""
    texts = [leaf for leaf in leaves if leaf.leaf.kind is Kind.TEXT]
    named = [leaf for leaf in texts if role_of(leaf) is not Role.NUMBER]
    return next(iter(named or texts), None)


def _labels_over(page: RulePage, leaf: LeafNode, rows: Mapping[int, object]) -> list[Label]:
    top = page.layout.lines[min(rows)].box.y0
    return [label for label in page.labels_of(leaf) if 0 <= top - label.box.y0 <= MAX_GAP * page.height]


def _leaves(node: RowsNode) -> list[LeafNode]:
    return [child for child in node.row.children if isinstance(child, LeafNode)]


def _in_band(label: Label, line: Box, page: RulePage) -> bool:
    return -0.5 * page.height <= label.box.y0 - line.y0 <= HEADING_LINES * page.height


def _on_lines(page: RulePage, leaves: Sequence[LeafNode], line: Box) -> Iterator[Value]:
    for leaf in leaves:
        if leaf.leaf.kind is Kind.MONEY:
            yield from (v for v in page.placed(leaf) if line.y0 <= v.box.center_y <= line.y1)


def _columns(labels: Sequence[Label], leaves: Sequence[LeafNode]) -> dict[str, Box]:
    """Give each column its label; where several columns are called alike, the fields take them from the left."""
    columns: dict[str, Box] = {}
    for label in sorted(labels, key=lambda label: label.box.x0):
        free = [leaf for leaf in leaves if leaf.path in label.paths and leaf.path not in columns]
        if free:
            columns[free[0].path] = label.box
        else:
            # `Price` ... `Price`: the total is the last amount of a row.
            last = [leaf.path for leaf in leaves if leaf.path in label.paths and leaf.leaf.kind is Kind.MONEY]
            columns.update(dict.fromkeys(last[-1:], label.box))
    return columns


def _cells(page: RulePage, leaves: Sequence[LeafNode], heading: Heading, *, words: Sequence[int]) -> dict[str, Value]:
    cells: dict[str, Value] = {}
    on_line = set(words)
    for leaf in leaves:
        column = heading.columns.get(leaf.path)
        if column is None:
            continue
        if leaf.leaf.kind is Kind.TEXT:
            value = _text_under(page, heading, leaf.path, words=words)
        else:
            placed = [value for value in page.placed(leaf) if on_line >= set(value.words)]
            value = _under(placed, heading, leaf.path)
        if value is not None:
            cells[leaf.path] = value
    return cells | _last_amount(page, leaves, heading, words=on_line)


def _last_amount(page: RulePage, leaves: Sequence[LeafNode], heading: Heading, *, words: set[int]) -> dict[str, Value]:
    """The last amount of a row is its total, whatever the column is called."""
    total = next((leaf for leaf in reversed(leaves) if leaf.leaf.kind is Kind.MONEY), None)
    if total is None or total.path in heading.columns:
        return {}
    right = [value for value in page.placed(total) if words >= set(value.words) and value.box.x0 > heading.right]
    return {total.path: right[-1]} if right else {}


def _under(values: Sequence[Value], heading: Heading, path: str) -> Value | None:
    """The value that stands under this column's label and not nearer to another's."""
    near = [v for v in values if _column_of(v.box, heading) == path and _is_under(v.box, heading.columns[path])]
    return near[-1] if near else None


def _is_under(box: Box, label: Box) -> bool:
    shared = min(box.x1, label.x1) - max(box.x0, label.x0)
    return shared > 0 or _offset(box, label) <= MAX_OFFSET


def _column_of(box: Box, heading: Heading) -> str:
    """The column whose label is nearest: by its left edge, its middle or its right edge, as columns are aligned."""
    return min(heading.columns, key=lambda path: _offset(box, heading.columns[path]))


def _offset(box: Box, label: Box) -> float:
    return min(abs(box.x0 - label.x0), abs(box.x1 - label.x1), abs(box.center_x - label.center_x))


def _text_under(page: RulePage, heading: Heading, path: str, *, words: Sequence[int]) -> Value | None:
    label = heading.columns[path]
    right = min((box.x0 for other, box in heading.columns.items() if box.x0 > label.x0), default=1.0)
    left = label.x0 - 0.02
    mine = [index for index in words if left <= page.layout.words[index].box.x0 < right]
    segments = [page.segment_of[index] for index in mine]
    first = next((segment for segment in segments if any(c.isalpha() for c in segment.text)), None)
    if first is None:
        return None
    return page.value([index for index in first.words if index in mine])


def _is_row(cells: dict[str, Value], amounts: Sequence[LeafNode]) -> bool:
    return any(leaf.path in cells for leaf in amounts) and len(cells) >= 2
