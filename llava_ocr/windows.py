"""From a document's pages to the requests about them, one by one as pages come; and what an answer leaves to ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llava_ocr.constrain.lark import build_grammar, shape_only
from llava_ocr.engines.base import Blanks, Completion, EngineProfile, Request, StopReason
from llava_ocr.errors import CutAnswer, ExtractionError, PromptTooLong
from llava_ocr.geometry import Box
from llava_ocr.grounding.answer import Said, parse_answer
from llava_ocr.grounding.lacking import lacking_rows, rows_read
from llava_ocr.grounding.read import ByRules
from llava_ocr.merge.rowcount import count_rows
from llava_ocr.planner import Band, Focus, PageNeeds, Planner, Room, Window, again, halves, in_passes, rest_of
from llava_ocr.prompts import (
    AS_GUESSED,
    Prompt,
    PromptForm,
    ask_for_band,
    ask_for_pages,
    ask_for_record,
    empty_answer,
    field_line,
    fold,
    fold_label,
)
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.rulebook.answer import answer_by_rules, guesses
from llava_ocr.schema import GroupNode, Node, RowsNode, leaves
from llava_ocr.tiles.band import cut_band
from llava_ocr.tiles.plan import num_visual_tokens
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.layout import Layout, lay_out
from llava_ocr.words.stack import stack

# What one leaf costs in an answer, in tokens: its name, its marks and a value of usual length.
LEAF_TOKENS = 14
NOTHING_TOLD = ByRules()


@dataclass(frozen=True, eq=False)
class Asked:
    """A request and what it is about. The pages hold their pixels until it is answered."""

    window: Window
    pages: tuple[PageRead, ...]
    request: Request


@dataclass(frozen=True, eq=False)
class Answered:
    """What an engine said about a window."""

    window: Window
    completion: Completion


def in_order(answered: Sequence[Answered]) -> list[Answered]:
    """Sort answers, which come as they are ready: by page, second readings last."""
    return sorted(answered, key=lambda one: (one.window.pages[0], one.window.is_again))


@dataclass(frozen=True, eq=False)
class Reply:
    """What becomes of an answer: whether it is kept, and what is asked on top of it or in its place."""

    is_kept: bool
    asked: tuple[Asked, ...] = ()


KEPT = Reply(is_kept=True)


class Asker:
    """Makes one document's requests: takes its pages in order, and later the answers."""

    def __init__(self, question: Question, profile: EngineProfile, *, num_pages: int) -> None:
        self._question, self._profile, self._num_pages = question, profile, num_pages
        self._room = room_of(question, profile)
        self._planner = Planner(self._room)
        self._waiting: dict[int, PageRead] = {}

    def add(self, page: PageRead) -> list[Asked]:
        """Take the next page and return the requests that are settled with it."""
        if page.raster is None:
            return self.rest()
        self._waiting[page.outcome.page_index] = page
        return self._settled(self._planner.add(self._needs(page)))

    def rest(self) -> list[Asked]:
        """Return the requests that waited for further pages."""
        return self._settled(self._planner.rest())

    def reply(self, asked: Asked, completion: Completion) -> Reply:
        """Judge an answer: where it had no room it is asked in parts, where rows lack they are read again."""
        if not self._profile.reads_lists or self._profile.prompt_form is not PromptForm.READ:
            return KEPT
        root = self._question.asked_of(self._profile, asked.window.focus)
        fault = fault_of(completion, root)
        is_cut = completion.error is None and completion.stop_reason is not StopReason.END
        if isinstance(fault, (CutAnswer, PromptTooLong)) or (is_cut and len(asked.pages) > 1):
            return self._in_parts(asked, is_too_long=isinstance(fault, PromptTooLong))
        if fault is not None or asked.window.focus is Focus.HEADER:
            return KEPT
        said = parse_answer(completion.text, root, is_cut=is_cut)
        more = self._rest(asked, said) if is_cut else []
        return Reply(True, (*self._lacking(asked, said, before=more), *more))

    def _settled(self, windows: Sequence[Window]) -> list[Asked]:
        made = [self._ask(window, [self._waiting[index] for index in window.pages]) for window in windows]
        for window in windows:
            for index in window.pages:
                self._waiting.pop(index, None)
        return made

    def _ask(self, window: Window, pages: Sequence[PageRead]) -> Asked:
        request = request_of(self._question, window, pages, num_pages=self._num_pages, profile=self._profile)
        return Asked(window, tuple(pages), request)

    def _in_parts(self, asked: Asked, *, is_too_long: bool) -> Reply:
        """Ask several pages one by one, and one page for its header and its lists apart, or a part of it in halves."""
        pages = asked.pages
        if len(pages) > 1:
            return Reply(False, tuple(self._ask(Window((page.outcome.page_index,)), [page]) for page in pages))
        needs = self._needs(pages[0])
        if asked.window.is_whole_page:
            # A server's context may be smaller than its profile says.
            room = self._room.below(needs) if is_too_long else self._room
            windows = in_passes(needs, room) if needs.rows and self._room.num_row_tokens else []
        else:
            windows = halves(asked.window, needs.rows) if is_too_long else []
        return Reply(not windows, tuple(self._ask(window, pages) for window in windows))

    def _rest(self, asked: Asked, said: Sequence[Said]) -> list[Asked]:
        """Ask for what stands below the last row of an answer that was cut in its list."""
        [page] = asked.pages
        layout = _within(page.layout, asked.window.band)
        if layout is None or not layout.words:
            return []
        [boxes] = rows_read(said, [layout])
        heights = [box.center_y for box in count_rows(page.layout)]
        last = max((box.center_y for box in boxes), default=None)
        windows = [] if last is None else rest_of(asked.window, last, heights)
        return [self._ask(window, [page]) for window in windows]

    def _lacking(self, asked: Asked, said: Sequence[Said], *, before: Sequence[Asked]) -> list[Asked]:
        """Ask for the bands of the rows that the page's words have and the answer has not, nor what is asked already
        (`before`)."""
        known = [one.window.band for one in before if one.window.band is not None]
        layouts = [_within(page.layout, asked.window.band) for page in asked.pages]
        counted = [_inside(count_rows(page.layout), asked.window.band) for page in asked.pages]
        found: list[Asked] = []
        missing_of = lacking_rows(said, [one for one in layouts if one is not None], counted)
        for page, rows, missing in zip(asked.pages, counted, missing_of, strict=False):
            heights = [box.center_y for box in rows]
            wanted = [box.center_y for box in missing if not any(band.holds(box.center_y) for band in known)]
            # A second reading that brought nothing new would bring nothing the third time.
            if asked.window.is_again and len(wanted) == len(heights):
                continue
            windows = again(page.outcome.page_index, wanted, heights, max_rows=self._room.max_rows)
            found += [self._ask(window, [page]) for window in windows]
        return found

    def _needs(self, page: PageRead) -> PageNeeds:
        assert page.raster is not None, page.outcome
        layout = page.layout if self._profile.takes_words else None
        index = page.outcome.page_index
        rows = count_rows(page.layout) if self._room.num_row_tokens else ()
        is_edge = index in (0, self._num_pages - 1)
        return PageNeeds(
            page_index=index,
            num_visual_tokens=_visual_tokens(page.raster, self._profile),
            num_word_tokens=num_tokens(layout.text) if layout is not None else 0,
            rows=tuple(box.center_y for box in rows),
            has_header=is_edge or page.layout is None or _has_labels(page.layout, self._question),
            has_words=page.layout is not None and bool(page.layout.words),
        )


def room_of(question: Question, profile: EngineProfile) -> Room:
    """What a request about this schema may take of an engine."""
    root = question.asked_of(profile)
    lines = "\n".join(field_line(leaf, None) for leaf in leaves(root))
    rows = [sum(1 for _ in leaves(child)) for child in root.children if isinstance(child, RowsNode)]
    takes_rows = profile.prompt_form is PromptForm.READ and profile.reads_lists
    # Whether two pages of a bundle are of one document is known only after its last page.
    takes_several = takes_rows and not question.is_bundle
    return Room(
        context_tokens=profile.context_tokens,
        max_answer_tokens=question.max_new_tokens,
        max_pages=profile.max_pages if takes_several else 1,
        num_question_tokens=num_tokens(lines),
        num_header_tokens=LEAF_TOKENS * sum(1 for leaf in leaves(root) if "[]" not in leaf.path),
        num_row_tokens=LEAF_TOKENS * max(rows, default=0) if takes_rows else 0,
    )


def num_tokens(text: str) -> int:
    """Reckon how many tokens a text takes: figures and marks one each, letters about three to one."""
    num_letters = sum(map(str.isalpha, text))
    num_spaces = sum(map(str.isspace, text))
    return num_letters // 3 + len(text) - num_letters - num_spaces + len(text.split())


def request_of(
    question: Question, window: Window, pages: Sequence[PageRead], *, num_pages: int, profile: EngineProfile
) -> Request:
    """Make a window's request: what is asked, of which pixels, and what the answer is held to."""
    if window.is_whole_page:
        return ask(question, pages[0], num_pages=num_pages, profile=profile)
    root = question.asked_of(profile, window.focus)
    layouts = [_within(page.layout, window.band) for page in pages]
    prompt = _prompt(root, window, layouts, num_pages=num_pages, profile=profile)
    known = [layout for layout in layouts if layout is not None]
    whole = stack(known) if known else None
    grammar = build_grammar(root, whole) if profile.takes_grammar else shape_only(root)
    rasters = tuple(_pixels(page, window.band, profile) for page in pages)
    return Request(f"page {window.name}", prompt, rasters, grammar, question.max_new_tokens, asked=root)


def ask(question: Question, page: PageRead, *, num_pages: int, profile: EngineProfile) -> Request:
    """Make the request for one whole page: what is asked, of which pixels, and what the answer is held to."""
    assert page.raster is not None, page.outcome
    layout = page.layout if profile.takes_words else None
    index = page.outcome.page_index
    root, form = question.asked_of(profile), profile.prompt_form
    told = guesses(question.root, layout) if layout is not None else {}
    prompt = ask_for_record(root, layout, page_index=index, num_pages=num_pages, form=form, guesses=told)
    guessed = by_rules(page, question, profile).guesses
    grammar = build_grammar(root, page.layout, guesses=guessed) if profile.takes_grammar else shape_only(root)
    draft = draft_of(question, page.layout, profile, guessed)
    return Request(f"page {index}", prompt, (page.raster,), grammar, question.max_new_tokens, draft)


def by_rules(page: PageRead, question: Question, profile: EngineProfile) -> ByRules:
    """What the rulebook guesses of a page for an engine that may answer `AS_GUESSED`."""
    is_told = profile.prompt_form is PromptForm.FIND and profile.takes_words
    if page.layout is None or not page.layout.words or not is_told:
        return ByRules()
    return ByRules(guesses(question.root, page.layout))


def fault_of(completion: Completion, root: GroupNode, told: ByRules = NOTHING_TOLD) -> ExtractionError | None:
    """Say what is wrong with an answer about `root`, if anything is."""
    if completion.error is not None:
        return completion.error
    try:
        is_cut = completion.stop_reason is not StopReason.END
        parse_answer(completion.text, root, is_cut=is_cut, guesses=told.guesses)
    except ExtractionError as error:
        return error
    return None


def _prompt(
    root: GroupNode, window: Window, layouts: Sequence[Layout | None], *, num_pages: int, profile: EngineProfile
) -> Prompt:
    shown = layouts if profile.takes_words else [None] * len(layouts)
    if len(window.pages) > 1:
        return ask_for_pages(root, dict(zip(window.pages, shown, strict=True)), num_pages=num_pages)
    if window.band is not None:
        return ask_for_band(root, shown[0], page_index=window.pages[0], num_pages=num_pages)
    return ask_for_record(root, shown[0], page_index=window.pages[0], num_pages=num_pages, form=profile.prompt_form)


def _within(layout: Layout | None, band: Band | None) -> Layout | None:
    """The words of a band, at their places on the page."""
    if layout is None or band is None:
        return layout
    kept = [word for word in layout.words if band.holds(word.box.center_y)]
    return lay_out(kept, aspect=layout.aspect, turn=layout.turn)


def _inside(rows: Sequence[Box], band: Band | None) -> tuple[Box, ...]:
    return tuple(box for box in rows if band is None or band.holds(box.center_y))


def _pixels(page: PageRead, band: Band | None, profile: EngineProfile) -> TiledRaster:
    assert page.raster is not None, page.outcome
    # Where blank bands were taken out, heights on the page are not heights in the raster.
    if band is None or profile.blanks is Blanks.SQUEEZE:
        return page.raster
    has_words = page.layout is not None and bool(page.layout.words) and profile.takes_words
    return cut_band(page.raster, band, grids=profile.anchored_grids if has_words else profile.grids)


def _visual_tokens(raster: TiledRaster, profile: EngineProfile) -> int:
    return num_visual_tokens(raster.grid, raster.unpad_size, profile.patches_per_side)


def _has_labels(layout: Layout, question: Question) -> bool:
    """Whether a label of a header field stands on the page."""
    printed = f" {fold(layout.text)} "
    outside = (leaf for leaf in leaves(question.root) if "[]" not in leaf.path)
    return any(f" {fold_label(label)} " in printed for leaf in outside for label in leaf.hint.labels)


def draft_of(question: Question, layout: Layout | None, profile: EngineProfile, guessed: Mapping[str, str]) -> str:
    """What rules answer about a page, as the engine would write it: by marks where it was told the guesses."""
    if layout is None or not layout.words:
        return ""
    root = question.asked_of(profile)
    if guessed:
        answer = _filled(root, dict.fromkeys(guessed, AS_GUESSED))
    elif profile.answers_by_rules:
        answer = _filled(root, guesses(question.root, layout))
    elif profile.takes_grammar:
        answer = json.loads(answer_by_rules(root, layout))
    else:
        return ""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _filled(node: Node, texts: Mapping[str, str]) -> object:
    if isinstance(node, GroupNode):
        return {child.name: _filled(child, texts) for child in node.children}
    return texts.get(node.path) or empty_answer(node)
