"""Dense lists of many columns, of ad-hoc types: stock, prices, ledgers, open items, time sheets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode, Node, RowsNode
from llava_ocr.synth.adhoc import Writer, state_leaf
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.concepts import Concept, Drawn, draw_concept, draw_subjects
from llava_ocr.synth.conventions import draw_style, plain
from llava_ocr.synth.listing import LISTS, SPARSE, THEMES, Cell, RowMaker, Theme, column_concept
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.markets import choose_market
from llava_ocr.synth.parties import draw_name, draw_party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.shapes import fill_tree
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.table import Column, Row, Table, draw_table_style, put_table
from llava_ocr.synth.vocabulary import INDUSTRIES

SUMMED = frozenset(
    {"stock_value", "debit", "credit", "open_amount", "not_due", "overdue_30", "overdue_60", "overdue_90", "hours",
     "gross", "net_pay", "freight", "weight", "packages", "consumption", "opening", "closing"}
)  # fmt: skip
WIDE = frozenset({"goods", "company", "phrase", "name", "account_name"})
# Characters that fit beside each other in the smallest print, on upright and on turned pages.
MAX_CHARS, MAX_CHARS_TURNED = 85, 140


@dataclass(frozen=True)
class ListPlan:
    """What a list says, in no place yet."""

    title: str
    issuer: str
    facts: list[Pair]
    columns: list[Concept]
    headers: dict[str, str]
    wide: str
    rows: list[Row]
    printed_note: str
    num_chars: int


def paint_list(seed: int) -> PaintedDocument:
    """Paint a list with a schema of its own: `root` is its tree, `truth` is nested as that."""
    rng = stream("list", seed, "content")
    market = choose_market(rng)
    writer = Writer(rng, market, draw_style(rng, market, market.language), {})
    root, plan = _draw_list(writer)
    look_rng = stream("list", seed, "look")
    look = draw_look(look_rng, stream("list", seed, "fonts"), market, language=market.language)
    look = _turned(look, look_rng, num_chars=plan.num_chars)
    canvas = Canvas(look.width, look.height)
    family = _put_list(canvas, plan, look, look_rng)
    pages, printed = canvas.finish()
    truth = fill_tree(root, {said.path: writer.truths[said.path] for said in printed})
    origin = Origin(f"list-{root.name}-{family}", look.family.name, plan.issuer)
    return PaintedDocument("list", seed, market.language, truth, pages, printed, origin=origin, root=root)


def _draw_list(writer: Writer) -> tuple[GroupNode, ListPlan]:
    rng, language = writer.rng, writer.style.language
    theme = rng.choice(THEMES)
    day = date(2012, 1, 1) + timedelta(days=rng.randint(0, 6000))
    columns = _choose_columns(rng, theme, language)
    headers = {column.name: rng.choice(column.labels) for column in columns}
    maker = RowMaker(
        rng, writer.market, language, theme, day, rng.choice(("A", "P", "", "L")), Decimal(rng.randint(0, 10**7)) / 100
    )
    num_rows = rng.randint(*weighted(rng, [((3, 12), 0.4), ((13, 30), 0.4), ((31, 70), 0.2)]))
    made = [maker.row() for _ in range(num_rows)]
    rows = _Rows(writer, theme, columns, zero=rng.choice(("", "", "-", "0")))
    asked = {column.name for column in columns if chance(rng, 0.85)} or {columns[0].name}
    printed = [rows.row(number, cells, asked) for number, cells in enumerate(made)]
    nodes: list[Node] = [rows.node(headers, asked, made[0])]
    nodes += rows.add_totals(printed, made, headers)
    if chance(rng, 0.2):
        rows.add_groups(printed)
    facts, leaves = _facts(writer, day)
    nodes = [*leaves, *nodes]
    issuer = draw_party(rng, writer.market, rng.choice(sorted(INDUSTRIES)))
    english = theme.titles["en"][0]
    root = GroupNode("", theme.name, Hint(f"{english}."), tuple(nodes))
    note = str(rng.choice(LISTS["words"]["printed"][language]))
    plan = ListPlan(
        title=rng.choice(theme.titles[language]),
        issuer=issuer.name,
        facts=facts,
        columns=columns,
        headers=headers,
        wide=_wide(columns).name,
        rows=printed,
        printed_note=note.format(d=writer.style.day(day + timedelta(days=1)), u=draw_name(rng, writer.market)),
        num_chars=sum(_num_chars(column) for column in columns),
    )
    return root, plan


def _choose_columns(rng: Random, theme: Theme, language: str) -> list[Concept]:
    """Choose columns in the theme's order, as many as a turned page has room for."""
    budget = MAX_CHARS if chance(rng, 0.45) else MAX_CHARS_TURNED
    kept = [column_concept(name, language) for name in theme.columns if chance(rng, 0.8)]
    if len(kept) < 4:
        kept = [column_concept(name, language) for name in theme.columns[:5]]
    while sum(_num_chars(column) for column in kept) > budget:
        kept.pop(rng.randrange(len(kept)))
    if chance(rng, 0.12):
        rng.shuffle(kept)
    return kept


def _num_chars(column: Concept) -> int:
    """Roughly how many characters wide a column is."""
    widths = {"goods": 26, "company": 24, "phrase": 26, "name": 16, "account_name": 18, "few": 5, "percent": 5,
              "unit": 6, "bin": 7, "clock": 6, "account": 8, "gtin": 14, "count": 8, "hours": 6, "city": 14,
              "postcode": 8}  # fmt: skip
    return 2 + widths.get(column.draw, 11)


def _wide(columns: list[Concept]) -> Concept:
    texts = [column for column in columns if column.draw in WIDE]
    return next(iter(texts or [column for column in columns if column.kind is Kind.TEXT] or columns))


@dataclass(frozen=True)
class _Rows:
    """Says the cells of a list. `zero` is how amounts that are not there are printed: as nothing, a dash, or zero."""

    writer: Writer
    theme: Theme
    columns: list[Concept]
    zero: str

    def row(self, number: int, cells: dict[str, Cell], asked: set[str]) -> Row:
        """Say a row under its paths."""
        said: dict[str, Phrase] = {}
        for column in self.columns:
            path = f"{self.theme.rows_name}[{number}].{column.name}" if column.name in asked else ""
            drawn = self._drawn(column, cells[column.name])
            said[column.name] = self.writer.say(drawn, path) if drawn else ((self.zero,) if self.zero == "-" else ())
        return Row(said)

    def node(self, headers: dict[str, str], asked: set[str], sample: dict[str, Cell]) -> RowsNode:
        """State the rows as a schema's author would."""
        rng, name = self.writer.rng, self.theme.rows_name
        leaves = tuple(
            state_leaf(rng, column, self._stated(column, sample), f"{name}[].{column.name}", column.name,
                       headers[column.name])
            for column in self.columns if column.name in asked
        )  # fmt: skip
        return RowsNode(
            name, name, Hint("The list's rows", max_rows=100), GroupNode(f"{name}[]", name, Hint("One row"), leaves)
        )

    def add_totals(self, rows: list[Row], made: list[dict[str, Cell]], headers: dict[str, str]) -> list[LeafNode]:
        """Add the totals' row, in most lists, and return the leaves that ask for some of them."""
        rng, language = self.writer.rng, self.writer.style.language
        summed = [column for column in self.columns if column.name in SUMMED]
        if not summed or chance(rng, 0.25):
            return []
        label = str(rng.choice(LISTS["words"]["total"][language]))
        cells: dict[str, Phrase] = {}
        leaves: list[LeafNode] = []
        for column in summed:
            values = [value for cells_ in made if isinstance(value := cells_[column.name], Decimal)]
            drawn = self._drawn(column, sum(values, Decimal(0)))
            assert drawn is not None, column
            path = f"total_{column.name}" if chance(rng, 0.6) else ""
            cells[column.name] = self.writer.say(drawn, path)
            if path:
                text = f"Total of {column.name.replace('_', ' ')}"
                hint = Hint(text, (label, f"{label} {headers[column.name]}")[: rng.randint(0, 2)])
                leaves.append(LeafNode(path, path, drawn.leaf, hint))
        home = _wide(self.columns).name
        rows.append(Row({home: (label,), **cells}, is_bold=chance(rng, 0.7)))
        return leaves

    def add_groups(self, rows: list[Row]) -> None:
        """Put headings between some rows."""
        rng = self.writer.rng
        pattern = str(rng.choice(LISTS["words"]["groups"][self.writer.style.language]))
        starts = sorted({0, *(rng.randrange(len(rows)) for _ in range(rng.randint(1, 4)))})
        for number, start in reversed(list(enumerate(starts, 1))):
            rows.insert(start, Row({}, heading=(pattern.format(n=number),)))

    def _stated(self, column: Concept, sample: dict[str, Cell]) -> Drawn:
        drawn = self._drawn(column, sample[column.name])
        return drawn or Drawn("", "", Leaf(column.kind))

    def _drawn(self, column: Concept, cell: Cell) -> Drawn | None:
        """Write a cell in the list's style; None where nothing is to be said."""
        style, leaf = self.writer.style, Leaf(column.kind)
        if cell is None:
            if self.zero != "0" or column.draw not in SPARSE:
                return None
            cell = Decimal(0)
        if isinstance(cell, date):
            return Drawn(style.day(cell), cell.isoformat(), leaf)
        if isinstance(cell, str):
            return Drawn(cell, cell, leaf)
        if column.kind is Kind.MONEY:
            return Drawn(style.amount(cell), plain(cell, min_places=2), leaf)
        return Drawn(style.number(cell), plain(cell), leaf)


def _facts(writer: Writer, day: date) -> tuple[list[Pair], list[LeafNode]]:
    """Draw what stands above the table: the list's day and a few other things, some of them asked for."""
    rng, style = writer.rng, writer.style
    labels = tuple(LISTS["words"]["as_of"][style.language])
    concept = Concept("as_of", "as_of", "", Kind.DATE, "date", labels, labels, tuple(LISTS["words"]["as_of"]["en"]))
    label = rng.choice(labels)
    drawn = Drawn(style.day(day), day.isoformat(), Leaf(Kind.DATE))
    is_asked = chance(rng, 0.75)
    pairs: list[Pair] = [(label, writer.say(drawn, "as_of" if is_asked else ""))]
    leaves = [state_leaf(rng, concept, drawn, "as_of", "as_of", label)] if is_asked else []
    subjects = draw_subjects(rng, 2)
    for _ in range(rng.randint(0, 4)):
        concept = draw_concept(rng, subjects, style.language)
        if any(leaf.name == concept.name for leaf in leaves):
            continue
        is_asked = chance(rng, 0.6)
        entry, drawn = writer.entry(concept, concept.name if is_asked else "")
        pairs.append((entry.label, entry.phrase))
        leaves += [state_leaf(rng, concept, drawn, concept.name, concept.name, entry.label)] if is_asked else []
    return pairs, leaves


def _turned(look: Look, rng: Random, *, num_chars: int) -> Look:
    """Print small, and turn the page where upright there is no room."""
    look = replace(look, size=min(look.size, rng.uniform(6.5, 9.0)), left=min(look.left, 45), right=min(look.right, 45))
    is_upright = look.height > look.width
    wants_turn = num_chars > MAX_CHARS
    return replace(look, width=look.height, height=look.width) if is_upright == wants_turn else look


def _put_list(canvas: Canvas, plan: ListPlan, look: Look, rng: Random) -> str:
    shape = choose_shape(rng)
    frame = Frame(look.left, look.top, look.inner_width)
    title: Line = ((plan.title,), look.heading(rng.uniform(1.1, 1.8)))
    issuer: Line = ((plan.issuer,), look.bold)
    lines = [issuer, title] if chance(rng, 0.6) else [title, issuer]
    frame = frame.moved(put_lines(canvas, frame, lines, look, align=rng.choice((0.0, 0.0, 0.5))) + 4)
    width = frame.width * (1.0 if shape in ("inline", "strip") else rng.uniform(0.4, 0.7))
    frame = frame.moved(put_pairs(canvas, Frame(frame.x, frame.y, width), plan.facts, look, shape=shape) + 8)
    columns = tuple(
        Column(c.name, plan.headers[c.name], 1.0 if c.kind in (Kind.MONEY, Kind.NUMBER) else 0.0,
               is_wide=c.name == plan.wide)
        for c in plan.columns
    )  # fmt: skip
    spare = frame.width - plan.num_chars * look.size * 0.5
    padding = max(1.5, spare / len(columns) / 2 * rng.uniform(0.2, 0.9))
    style = replace(draw_table_style(rng), padding=min(padding, 12.0), gap=rng.choice((0, 0, 1, 2, 3)))
    table = Table(columns, tuple(plan.rows), style, look)
    has_head = chance(rng, 0.5)

    def next_page(_: int) -> Frame:
        canvas.add_page()
        top = look.top
        if has_head:
            top = put_lines(canvas, Frame(look.left, top, look.inner_width), [(lines[0][0], look.body)], look) + 4
        return Frame(look.left, top, look.inner_width)

    put_table(canvas, frame, table, bottom=look.height - look.bottom, next_page=next_page)
    _feet(canvas, plan, look, rng)
    return f"{shape}-{style.body}"


def _feet(canvas: Canvas, plan: ListPlan, look: Look, rng: Random) -> None:
    """Put the page's number and who printed the list at the foot of every page."""
    pattern = rng.choice(LISTS["words"]["page"][look.language])
    note = plan.printed_note if chance(rng, 0.5) else ""
    y = look.height - rng.uniform(18, 34)
    for index in range(canvas.num_pages):
        canvas.turn_to(index)
        canvas.text(look.left, y, (note,), look.small)
        page = pattern.format(p=index + 1, n=canvas.num_pages)
        canvas.text(look.left + look.inner_width, y, (page,), look.small, align=1.0)
