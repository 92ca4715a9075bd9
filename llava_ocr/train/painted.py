"""Painted documents as questions: a page, some of its fields, in words that an OCR reader may have misread."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from llava_ocr.records import Word
from llava_ocr.schema import GroupNode, Kind, LeafNode, Node, RowsNode, leaves
from llava_ocr.synth.base import PaintedDocument, PaintedPage, PrintedValue
from llava_ocr.train.drills import words_of
from llava_ocr.train.noise import misread
from llava_ocr.train.questions import Question, Value, pattern_of
from llava_ocr.words.layout import Layout, lay_out

# What a typed leaf may be on a page: `llava_ocr.grounding.candidates.spans`.
Spans = Callable[[Layout, LeafNode], Sequence[str]]


@dataclass(frozen=True)
class PageReading:
    """A page as it was read, with the values that can still be said of it."""

    page: PaintedPage
    layout: Layout
    printed: tuple[PrintedValue, ...]


def read_page(document: PaintedDocument, page_index: int, *, noise: float, rng: random.Random) -> PageReading:
    """Read one page, as its text layer gives it (`noise` 0) or worse."""
    page = document.pages[page_index]
    printed = [value for value in document.printed if value.page_index == page_index]
    if noise:
        read = misread(page.words, strength=noise, rng=rng)
        printed = list(_reread(page.words, read.words, read.became, printed))
        page = replace(page, words=read.words)
    return PageReading(page, lay_out(page.words, aspect=page.width_pt / page.height_pt), tuple(printed))


def crop(page: PaintedPage, printed: Sequence[PrintedValue], *, y0: float, y1: float) -> PageReading:
    """Keep only what stands between two heights of the page; the values that stand outside are then not on it."""
    kept = [index for index, word in enumerate(page.words) if y0 <= word.box.center_y <= y1]
    number = {old: new for new, old in enumerate(kept)}
    inside = [value for value in printed if all(index in number for index in value.words)]
    part = replace(page, words=tuple(page.words[index] for index in kept))
    values = tuple(replace(value, words=tuple(number[index] for index in value.words)) for value in inside)
    return PageReading(part, lay_out(part.words, aspect=part.width_pt / part.height_pt), values)


def _reread(
    words: Sequence[Word], read: Sequence[Word], became: Sequence[tuple[int, ...]], printed: Iterable[PrintedValue]
) -> Iterator[PrintedValue]:
    """Say each value in the words that were read; those that ran together with others are left out."""
    owners: defaultdict[int, set[int]] = defaultdict(set)
    for old, new in enumerate(became):
        for index in new:
            owners[index].add(old)
    for value in printed:
        own = set(value.words)
        now = tuple(dict.fromkeys(index for old in value.words for index in became[old]))
        if value.words and all(owners[index] <= own for index in now):
            text = _trimmed(" ".join(read[index].text for index in now), words, value)
            if text and len(text.split()) == len(now):
                yield replace(value, text=text, words=now)


def _trimmed(text: str, words: Sequence[Word], value: PrintedValue) -> str:
    """Leave off what the printed value left off at its edges, as far as it is still there."""
    parts = value.text.split()
    first, last = words[value.words[0]].text, words[value.words[-1]].text
    head, tail = first.find(parts[0]), last.rfind(parts[-1])
    if head > 0:
        text = text.removeprefix(first[:head])
    if tail >= 0 and tail + len(parts[-1]) < len(last):
        text = text.removesuffix(last[tail + len(parts[-1]) :])
    return text.strip()


def ask_about(
    reading: PageReading, root: GroupNode, *, page_index: int, num_pages: int, spans: Spans
) -> Question | None:
    """Ask for `root` of a page. Leaves that are printed but can't be said are left out; None if nothing is left."""
    values, unsayable = _values(reading, root, spans)
    kept = _without(root, unsayable)
    if kept is None:
        return None
    return Question(reading.layout, kept, values, page_index, num_pages)


def _values(reading: PageReading, root: GroupNode, spans: Spans) -> tuple[dict[str, Value], set[str]]:
    by_path: defaultdict[str, list[PrintedValue]] = defaultdict(list)
    for printed in reading.printed:
        by_path[printed.path].append(printed)
    leaf_of = {leaf.path: leaf for leaf in leaves(root)}
    offered = {path: _offered(reading.layout, leaf, spans) for path, leaf in leaf_of.items()}
    values: dict[str, Value] = {}
    unsayable: set[str] = set()
    for path, listed in by_path.items():
        pattern = pattern_of(path)
        if pattern not in leaf_of:
            continue
        said = next((text for text in (_said(each.text, offered[pattern]) for each in listed) if text), None)
        if said is None:
            unsayable.add(pattern)
        else:
            values[path] = Value(said, tuple(each.words for each in listed if said in each.text))
    return values, unsayable


def _offered(layout: Layout, leaf: LeafNode, spans: Spans) -> set[str] | None:
    """What the grammar will let a leaf say; None for text, which may be any run of words."""
    if leaf.leaf.kind is Kind.TEXT:
        return None
    return set(leaf.choices) if leaf.leaf.kind is Kind.CHOICE else set(spans(layout, leaf))


def _said(printed: str, offered: set[str] | None) -> str | None:
    """The offered text that is the printed one, or most of it."""
    if offered is None or printed in offered:
        return printed
    near = [text for text in offered if text in printed or printed in text]
    return max(near, key=lambda text: -abs(len(text) - len(printed)), default=None)


def _without(node: GroupNode, unsayable: set[str]) -> GroupNode | None:
    return choose_fields(node, lambda leaf: leaf.path not in unsayable)


def choose_fields(node: GroupNode, is_kept: Callable[[LeafNode], bool]) -> GroupNode | None:
    """Keep some leaves of a tree, and the groups that still have any."""
    children: list[Node] = []
    for child in node.children:
        kept: Node | None
        if isinstance(child, LeafNode):
            kept = child if is_kept(child) else None
        elif isinstance(child, RowsNode):
            row = choose_fields(child.row, is_kept)
            kept = None if row is None else replace(child, row=row)
        else:
            kept = choose_fields(child, is_kept)
        if kept is not None:
            children.append(kept)
    return replace(node, children=tuple(children)) if children else None


def vary(root: GroupNode, *, rng: random.Random, asks_rows: bool = True) -> GroupNode:
    """Ask for some of a tree's fields, in another order, with some of their labels: what every schema file may do.

    Half the time no rows are asked for, or never: else most of what is learned would be tables.
    """
    share = rng.choice((1.0, 0.8, 0.5, 0.25))
    row_share = rng.choice((0.0, 0.0, 0.7, 1.0)) if asks_rows else 0.0
    in_rows = {leaf.path for child in root.children if isinstance(child, RowsNode) for leaf in leaves(child)}
    chosen = choose_fields(root, lambda leaf: rng.random() < (row_share if leaf.path in in_rows else share)) or root
    label_share = rng.choice((1.0, 1.0, 0.6))
    return relabel(chosen, label_share, rng, is_shuffled=rng.random() < 0.4)


def relabel(node: GroupNode, share: float, rng: random.Random, *, is_shuffled: bool) -> GroupNode:
    """Keep a share of each field's labels, maybe in another order of fields."""
    children: list[Node] = []
    for child in node.children:
        if isinstance(child, LeafNode):
            labels = tuple(label for label in child.hint.labels if rng.random() < share)
            children.append(replace(child, hint=replace(child.hint, labels=labels)))
        elif isinstance(child, RowsNode):
            children.append(replace(child, row=relabel(child.row, share, rng, is_shuffled=is_shuffled)))
        else:
            children.append(relabel(child, share, rng, is_shuffled=is_shuffled))
    if is_shuffled:
        rng.shuffle(children)
    return replace(node, children=tuple(children))


def rename(question: Question, *, rng: random.Random) -> Question:
    """Give top-level leaves random names, so that labels and hints decide and not the names of known fields."""
    names: dict[str, str] = {}
    children: list[Node] = []
    for child in question.root.children:
        if isinstance(child, LeafNode):
            name = re.sub(r"\W+", "_", words_of(rng, "en", 2).lower()) + f"_{len(names)}"
            names[child.path] = name
            children.append(replace(child, path=name, name=name))
        else:
            children.append(child)
    values = {names.get(path, path): value for path, value in question.values.items()}
    return replace(question, root=replace(question.root, children=tuple(children)), values=values)
