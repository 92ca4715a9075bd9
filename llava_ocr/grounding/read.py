"""A document's answered pages to one record's values, fields and findings. Pure; the pipeline's only way in here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from llava_ocr.einvoice import EInvoice
from llava_ocr.engines.base import Completion, StopReason, TokenTrace
from llava_ocr.grounding.answer import Said, parse_answer
from llava_ocr.grounding.balance import balance
from llava_ocr.grounding.certainty import Certainty, with_certainty
from llava_ocr.grounding.codes import PROVING
from llava_ocr.grounding.embedded import with_embedded
from llava_ocr.grounding.ground import GroundedPage, PageReading, ground, ground_guesses, nearer_to_label
from llava_ocr.grounding.held import held_paths
from llava_ocr.grounding.match import PageIndex
from llava_ocr.grounding.misprints import misprinted
from llava_ocr.grounding.typed import Conventions
from llava_ocr.merge.complete import lists_lack
from llava_ocr.merge.pages import merge_pages
from llava_ocr.merge.rows import in_page_order
from llava_ocr.planner import Band, Focus
from llava_ocr.records import FieldReading, Finding, WordReader
from llava_ocr.schema import (
    DocumentSchema,
    GroupNode,
    LeafNode,
    Node,
    RowsNode,
    leaves,
    lists_only,
    tree,
    without_lists,
)
from llava_ocr.words.layout import Layout
from llava_ocr.words.stack import stack, unstacked
from llava_ocr.words.turned import as_shown

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class ByRules:
    """What the rulebook read of a page: the guesses that the engine was told, by path, and the whole answer.

    From `lists` the lists are taken where the engine was not asked for any; else it is None.
    """

    guesses: Mapping[str, str] = field(default_factory=dict)
    lists: str | None = None


@dataclass(frozen=True)
class AnsweredPage:
    """One page and the engine's answer about it; `layout` is None where the page has no words.

    `part` is what was asked of it, `band` where on it. `next_layouts` are those of the pages after it, where the answer
    is about several.
    """

    page_index: int
    layout: Layout | None
    reader: WordReader
    completion: Completion
    by_rules: ByRules = ByRules()
    focus: Focus = Focus.ALL
    band: Band | None = None
    next_layouts: tuple[Layout | None, ...] = ()

    @property
    def layouts(self) -> dict[int, Layout]:
        """The words that the answer is about, by page, where there are any."""
        listed = enumerate((self.layout, *self.next_layouts), self.page_index)
        return {index: layout for index, layout in listed if layout is not None and layout.words}


@dataclass(frozen=True)
class ReadRecord:
    """A record's contents: `values` nested as in the schema with typed leaves, and the same by field."""

    values: dict[str, Any]
    fields: tuple[FieldReading, ...]
    findings: tuple[Finding, ...]


def read_record(
    schema: type[DocumentSchema],
    pages: Sequence[AnsweredPage],
    *,
    certainty: Certainty | None = None,
    embedded: EInvoice | None = None,
) -> ReadRecord:
    """Ground each page, merge them, check across fields. Raises OutputError where an answer has not the shape.

    With `certainty`, fitted to the engine, confidences are probabilities; without, they only order fields.
    The values of an `embedded` e-invoice stand before what was read.
    """
    root = tree(schema)
    layouts = {index: layout for page in pages for index, layout in page.layouts.items()}
    conventions = Conventions(list(layouts.values()))
    answers = [_read_answer(page, root, conventions) for page in pages]
    said_of = [entry.reading for answer in answers for entry in answer.readings]
    guessed = [reading for answer in answers for reading in answer.guessed]
    cuts = [_list_cut(root, page) for page in pages if _is_cut(page) and not _is_mended(page, pages)]
    by_page = [list(group) for _, group in groupby(answers, key=lambda answer: answer.page_index)]
    read = [in_page_order([answer.readings for answer in group]) for group in by_page]

    def check(fields: Sequence[FieldReading]) -> list[Finding]:
        filled = schema.model_validate(nested(root, fields))
        return [finding for rule in schema.checks for finding in rule(filled)]

    fields = balance(merge_pages(read, root), _by_path([*said_of, *guessed]), check)
    incomplete = list(lists_lack(root, fields, layouts))
    findings = (*cuts, *incomplete, *misprinted(root, fields, layouts), *check(fields))
    if certainty is not None:
        by_name = {leaf.path: leaf for leaf in leaves(root)}
        held = held_paths(fields, check)
        fields = with_certainty(fields, findings, held=held, leaves=by_name, certainty=certainty)
    if embedded is not None:
        fields, differences = with_embedded(fields, embedded, schema, layouts)
        # The XML's lists are complete.
        about_lists = [] if embedded.lines else [*cuts, *lists_lack(root, fields, layouts)]
        findings = (*about_lists, *misprinted(root, fields, layouts), *check(fields), *differences)
    return ReadRecord(nested(root, fields), tuple(as_shown(one, layouts) for one in fields), findings)


@dataclass(frozen=True)
class _Answer:
    """One answer, grounded: its readings, and what rules guessed."""

    page_index: int
    readings: list[PageReading]
    guessed: list[FieldReading]


def _read_answer(page: AnsweredPage, root: GroupNode, conventions: Conventions) -> _Answer:
    said = parse_answer(page.completion.text, _asked(root, page), is_cut=_is_cut(page), guesses=page.by_rules.guesses)
    layouts = page.layouts
    whole = stack(list(layouts.values())) if layouts else None
    trace, guesses = page.completion.trace, page.by_rules.guesses
    index = PageIndex(whole) if whole is not None else None
    where = GroundedPage(page.page_index, index, page.reader, trace, conventions, guesses)
    untraced = replace(where, trace=TokenTrace())
    proved = _proved(said, guesses)
    kept = [leaf for leaf in said if leaf.path not in proved]
    readings = ground(kept, where) + ground([*proved.values(), *_listed(page, root)], untraced)
    outside = [leaf for leaf in leaves(root) if "[]" not in leaf.path]
    guessed = {entry.reading.path: entry for entry in ground_guesses(outside, where)}
    settled = [nearer_to_label(entry, guessed.get(entry.reading.path)) for entry in readings]
    return _Answer(
        page.page_index,
        _on_their_pages(settled, list(layouts)),
        [entry.reading for entry in guessed.values()],
    )


def _asked(root: GroupNode, page: AnsweredPage) -> GroupNode:
    if page.focus is Focus.LISTS:
        return lists_only(root)
    return root if page.focus is Focus.ALL and page.by_rules.lists is None else without_lists(root)


def _on_their_pages(readings: list[PageReading], pages: Sequence[int]) -> list[PageReading]:
    """Say of each value of a stack of pages on which of them it stands."""
    if len(pages) < 2:
        return readings
    return [replace(entry, reading=_on_its_page(entry.reading, pages)) for entry in readings]


def _on_its_page(reading: FieldReading, pages: Sequence[int]) -> FieldReading:
    evidence = reading.evidence
    if evidence is None:
        return reading
    place, boxes = unstacked(evidence.boxes, num_pages=len(pages))
    return replace(reading, evidence=replace(evidence, page_index=pages[place], boxes=boxes))


def _is_cut(page: AnsweredPage) -> bool:
    return page.completion.stop_reason is not StopReason.END


def _is_mended(cut: AnsweredPage, pages: Sequence[AnsweredPage]) -> bool:
    """Whether all below the cut was read again, as far down as had been asked, and not cut once more."""
    bottom = 1.0 if cut.band is None else cut.band.bottom
    again = [page for page in pages if page.page_index == cut.page_index and page.band is not None and page is not cut]
    return any(page.band is not None and page.band.bottom == bottom and not _is_cut(page) for page in again)


def _proved(said: Sequence[Said], guesses: Mapping[str, str]) -> dict[str, Said]:
    """Codes that rules found and the model denies: a checksum that holds is no accident."""
    denied = [leaf for leaf in said if leaf.text is None and leaf.path in guesses]
    return {leaf.path: replace(leaf, text=guesses[leaf.path]) for leaf in denied if leaf.node.leaf.checksum in PROVING}


def _by_path(readings: Sequence[FieldReading]) -> dict[str, list[FieldReading]]:
    """What fields outside lists were read as; those that were not, are left out."""
    rivals: dict[str, list[FieldReading]] = {}
    for reading in readings:
        if "[" not in reading.path and reading.value is not None:
            rivals.setdefault(reading.path, []).append(reading)
    return rivals


def _listed(page: AnsweredPage, root: GroupNode) -> list[Said]:
    """The rows that rules read; nothing is known of how sure they are."""
    lists = page.by_rules.lists
    said = () if lists is None else parse_answer(lists, root, is_cut=False)
    return [leaf for leaf in said if "[" in leaf.path]


def _list_cut(root: GroupNode, page: AnsweredPage) -> Finding:
    lists = tuple(child.path for child in root.children if isinstance(child, RowsNode))
    return Finding(
        "list_cut", f"page {page.page_index + 1}: the answer was cut in a list; later rows are missing", lists
    )


def nested(root: GroupNode, fields: Sequence[FieldReading]) -> dict[str, Any]:
    """Put fields' values into the schema's shape; absent ones are None, lists hold their rows in order."""
    values = {child.name: _empty(child) for child in root.children}
    rows = {child.path: child.row for child in root.children if isinstance(child, RowsNode)}
    for reading in fields:
        _put(values, reading, rows)
    return values


def _empty(node: Node) -> Any:
    if isinstance(node, LeafNode):
        return None
    return [] if isinstance(node, RowsNode) else {child.name: _empty(child) for child in node.children}


def _put(values: dict[str, Any], reading: FieldReading, rows: dict[str, GroupNode]) -> None:
    place: Any = values
    steps = [int(index) if index else name for name, index in _STEP.findall(reading.path)]
    for depth, step in enumerate(steps[:-1]):
        if isinstance(step, int) and step == len(place):
            place.append(_empty(rows[str(steps[depth - 1])]))
        place = place[step]
    place[steps[-1]] = reading.value
