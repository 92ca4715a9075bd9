"""What speaks for a new document at a page, and what against it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from llava_ocr.bundles.face import PageFace

# Running feet with at least this share of words in common are one document's, or one sender's.
SAME_FOOT, OTHER_FOOT = 0.5, 0.1
MIN_FOOT_WORDS = 4
MIN_MARKS = 2
MIN_HEAD_WORDS, SAME_HEAD = 6, 0.3
MIN_COPY_CODES, COPY = 8, 0.9
# Paper of another format: A4 and Letter differ by nine parts in a hundred.
OTHER_ASPECT = 0.03


class Clue(StrEnum):
    """One thing that tells whether a page begins a document, in words for people."""

    COUNTER_GOES_ON = "the page counter goes on"
    COUNTER_RESTARTS = "the page counter starts again"
    COUNTER_JUMPS = "the page counter jumps"
    OTHER_COUNTER = "the page counter is another document's"
    COUNTER_AT_END = "the page counter has come to its end"
    COUNTER_UNFINISHED = "the page counter has not come to its end"
    COUNTER_BEGAN_BEFORE = "the page counter began on an earlier page"
    SAME_NUMBER = "the same document number"
    COPY = "a copy of an earlier page"
    NUMBER_PRINTED = "the document number is printed again"
    OTHER_NUMBER = "another document number"
    FIRST_NUMBER = "a document number"
    SAME_DAY = "the same document date"
    OTHER_DAY = "another document date"
    TITLE = "a document's title"
    RECIPIENT = "an address or a salutation"
    NO_HEAD = "no title, number, date or address"
    BROUGHT_FORWARD = "an amount is brought forward"
    CARRIED_FORWARD = "an amount is carried forward"
    SAME_HEAD = "a head like the one before"
    TOTAL_AGAIN = "the document before has its total"
    TOTAL_TO_COME = "the document before has no total yet"
    SAME_SENDER = "the same sender"
    OTHER_SENDER = "another sender"
    SAME_FOOT = "the same foot"
    OTHER_FOOT = "another foot"
    OTHER_PAPER = "another size of paper"
    BLANK = "a blank page lies between"
    BLANK_SHEET = "a blank sheet lies between"
    NO_BLANK = "no blank page lies between, as elsewhere in the file"


def clues_of(part: Sequence[PageFace], page: PageFace, *, num_blanks: int, are_separated: bool) -> Iterator[Clue]:
    """Say what tells whether `page` goes on with `part`, the document so far.

    `num_blanks` blank pages lie between, not counting the backs of papers that are printed on one side;
    `are_separated` says that blank pages lie between other pages of the file.
    """
    yield from _blanks(num_blanks, are_separated=are_separated)
    if part[-1].aspect and page.aspect and abs(part[-1].aspect - page.aspect) > OTHER_ASPECT:
        yield Clue.OTHER_PAPER
    if not page.is_legible:
        return
    told = {*_counters(part, page), *_numbers(part, page)}
    yield from told
    # Some print their whole head on every page.
    is_head_again = bool(told & {Clue.COUNTER_GOES_ON, Clue.SAME_NUMBER}) or (
        Clue.NUMBER_PRINTED in told and Clue.OTHER_NUMBER not in told
    )
    if not is_head_again:
        yield from _heads(part, page)
    yield from _days(part, page)
    yield from _amounts(part, page)
    yield from _senders(part, page)
    yield from _feet(part[-1], page)


def _blanks(num_blanks: int, *, are_separated: bool) -> Iterator[Clue]:
    if num_blanks > 1:
        yield Clue.BLANK_SHEET
    elif num_blanks == 1:
        yield Clue.BLANK
    elif are_separated:
        yield Clue.NO_BLANK


def _counters(part: Sequence[PageFace], page: PageFace) -> Iterator[Clue]:
    """Compare with the last page that has a counter; those after it count on silently."""
    counted = [place for place, face in enumerate(part) if face.counter is not None]
    last = part[counted[-1]].counter if counted else None
    num_silent = len(part) - 1 - counted[-1] if counted else 0
    here = page.counter
    if here is None:
        if last is not None and last.total is not None:
            yield Clue.COUNTER_UNFINISHED if last.number + num_silent < last.total else Clue.COUNTER_AT_END
    elif last is None:
        yield Clue.COUNTER_RESTARTS if here.number == 1 else Clue.COUNTER_BEGAN_BEFORE
    elif here.total == last.total and here.number == last.number + num_silent + 1:
        yield Clue.COUNTER_GOES_ON
    elif here.number == 1:
        yield Clue.COUNTER_RESTARTS
    elif here.total != last.total or any(face.counter == here for face in part):
        yield Clue.OTHER_COUNTER
    else:
        yield Clue.COUNTER_JUMPS


def _numbers(part: Sequence[PageFace], page: PageFace) -> Iterator[Clue]:
    own = numbers_of(part)
    if page.numbers & own:
        yield Clue.COPY if any(is_copy(face, page) for face in part) else Clue.SAME_NUMBER
        return
    if own & page.codes:
        yield Clue.NUMBER_PRINTED
    if page.numbers:
        yield Clue.OTHER_NUMBER if own else Clue.FIRST_NUMBER


def numbers_of(part: Sequence[PageFace]) -> frozenset[str]:
    """The numbers that a document's pages call its own."""
    return frozenset[str]().union(*(face.numbers for face in part))


def is_copy(one: PageFace, other: PageFace) -> bool:
    """Whether two pages show the same figures: a second copy, as with a duplicate that was scanned, too."""
    both, either = one.codes & other.codes, one.codes | other.codes
    return len(both) >= MIN_COPY_CODES and len(both) >= COPY * len(either)


def _heads(part: Sequence[PageFace], page: PageFace) -> Iterator[Clue]:
    if page.has_title:
        yield Clue.TITLE
    if page.has_recipient:
        yield Clue.RECIPIENT
    if not (page.has_title or page.has_recipient or page.numbers or page.day):
        yield Clue.NO_HEAD
    both, either = part[0].head & page.head, part[0].head | page.head
    if len(both) >= MIN_HEAD_WORDS and len(both) >= SAME_HEAD * len(either):
        yield Clue.SAME_HEAD


def _amounts(part: Sequence[PageFace], page: PageFace) -> Iterator[Clue]:
    if page.is_carried:
        yield Clue.BROUGHT_FORWARD
    if part[-1].carries:
        yield Clue.CARRIED_FORWARD
    if page.has_total:
        yield Clue.TOTAL_AGAIN if any(face.has_total for face in part) else Clue.TOTAL_TO_COME


def _days(part: Sequence[PageFace], page: PageFace) -> Iterator[Clue]:
    own = {face.day for face in part} - {""}
    if page.day and own:
        yield Clue.SAME_DAY if page.day in own else Clue.OTHER_DAY


def _senders(part: Sequence[PageFace], page: PageFace) -> Iterator[Clue]:
    own = frozenset[str]().union(*(face.marks for face in part))
    if own & page.marks:
        yield Clue.SAME_SENDER
    elif min(len(own), len(page.marks)) >= MIN_MARKS:
        yield Clue.OTHER_SENDER


def _feet(before: PageFace, page: PageFace) -> Iterator[Clue]:
    if min(len(before.foot), len(page.foot)) < MIN_FOOT_WORDS:
        return
    share = len(before.foot & page.foot) / len(before.foot | page.foot)
    if share >= SAME_FOOT:
        yield Clue.SAME_FOOT
    elif share < OTHER_FOOT:
        yield Clue.OTHER_FOOT
