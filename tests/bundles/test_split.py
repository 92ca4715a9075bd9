"""Documents that were put into one file come apart again, each with its own pages."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.bundles.split import FIRST_PAGES_MISSING, SURE, Split, split
from llava_ocr.records import Part
from llava_ocr.synth.bundle import Backs
from tests.bundles.papers import BLANK, Paper, faces

Placed = list[tuple[int, ...]]


@st.composite
def piles(draw: st.DrawFn, *, must_count: bool = False, must_name: bool = False) -> list[Paper]:
    """Up to five invoices that are printed alike, of one seller or of several."""
    is_counted = must_count or draw(st.booleans())
    is_named = must_name or draw(st.booleans())
    numbers = draw(st.lists(st.integers(1_000, 9_999), min_size=1, max_size=5, unique=True))
    seller = st.just(0) if draw(st.booleans()) else st.integers(0, 3)
    return [Paper(number, draw(st.integers(1, 4)), draw(seller), is_counted, is_named) for number in numbers]


def pile(papers: Sequence[Paper], backs: Backs) -> tuple[list[str], Placed]:
    """Put papers into one file; returns its pages, and where those of each paper are."""
    pages: list[str] = []
    placed: Placed = []
    for number, one in enumerate(papers):
        own = []
        for text in one.pages():
            own.append(len(pages))
            pages += [text, BLANK] if backs is Backs.EVERY else [text]
        is_last = number == len(papers) - 1
        if (backs is Backs.BETWEEN and not is_last) or (backs is Backs.EVEN and len(own) % 2):
            pages.append(BLANK)
        placed.append(tuple(own))
    return pages, placed


def parts_of(found: Split) -> Placed:
    return [part.page_indices for part in found.parts]


@settings(deadline=None, max_examples=25)
@given(piles(), st.sampled_from(Backs))
def test_papers_come_apart_where_they_were_joined(papers: list[Paper], backs: Backs) -> None:
    pages, placed = pile(papers, backs)
    assert parts_of(split(faces(pages))) == placed


@settings(deadline=None, max_examples=25)
@given(piles(), st.sampled_from(Backs))
def test_every_page_that_is_not_blank_is_in_just_one_part(papers: list[Paper], backs: Backs) -> None:
    pages, _ = pile(papers, backs)
    mixed = Random(len(pages)).sample(pages, len(pages))
    listed = sorted(index for part in split(faces(mixed)).parts for index in part.page_indices)
    assert listed == [index for index, text in enumerate(mixed) if text != BLANK]


@settings(deadline=None, max_examples=25)
@given(piles(must_count=True, must_name=True), st.randoms(use_true_random=False))
def test_pages_in_any_order_find_their_paper(papers: list[Paper], rng: Random) -> None:
    pages, placed = pile(papers, Backs.NONE)
    order = rng.sample(range(len(pages)), len(pages))
    found = split(faces([pages[index] for index in order]))
    assert sorted(tuple(order[index] for index in part.page_indices) for part in found.parts) == sorted(placed)


@settings(deadline=None, max_examples=25)
@given(piles(must_count=True), st.sampled_from([Backs.NONE, Backs.BETWEEN]))
def test_a_pile_that_was_fed_backwards_is_turned(papers: list[Paper], backs: Backs) -> None:
    pages, placed = pile(papers, backs)
    last = len(pages) - 1
    found = split(faces(pages[::-1]))
    if any(one.num_pages > 1 for one in papers):
        assert parts_of(found) == [tuple(last - index for index in own) for own in placed[::-1]]
    else:
        assert sorted(parts_of(found)) == sorted(tuple(last - index for index in own) for own in placed)


def test_fronts_first_then_backs_are_put_in_order() -> None:
    pages = Paper(1234, 6, 0, is_counted=True, is_named=True).pages()
    order = [0, 2, 4, 5, 3, 1]
    [part] = split(faces([pages[index] for index in order])).parts
    assert [order[index] for index in part.page_indices] == list(range(6))


@settings(deadline=None, max_examples=25)
@given(piles(), st.sampled_from(Backs))
def test_each_decision_has_a_reason_and_a_certainty(papers: list[Paper], backs: Backs) -> None:
    pages, _ = pile(papers, backs)
    found = split(faces(pages))
    assert [seam.page_index for seam in found.seams] == [i for i, text in enumerate(pages) if text != BLANK]
    assert all(seam.reason and 0.5 <= seam.certainty <= 1 for seam in found.seams)


def test_a_copy_of_an_invoice_is_a_document_of_its_own() -> None:
    pages = Paper(1234, 2, 0, is_counted=False, is_named=True).pages()
    rows = "\n".join(f"Goods {row}{row}{row}{row}   1   {row}7{row}.55" for row in range(1, 9))
    pages = [f"{text}\n{rows}" for text in pages[:1]]
    assert parts_of(split(faces([*pages, *pages]))) == [(0,), (1,)]


def test_a_head_that_is_printed_on_every_page_begins_no_document() -> None:
    first = Paper(1234, 1, 0, is_counted=True, is_named=True).pages()[0]
    pages = [first.replace("Page 1 of 1", f"Page {number} of 3") for number in (1, 2, 3)]
    assert parts_of(split(faces(pages))) == [(0, 1, 2)]


def test_pages_that_are_not_there_are_named() -> None:
    pages = Paper(1234, 4, 0, is_counted=True, is_named=True).pages()
    assert split(faces([pages[0], pages[3]])).missing == ((2, 3),)
    found = split(faces(pages[1:2]))
    assert found.missing == ((1, 3, 4),)
    assert found.parts == (Part((0,), FIRST_PAGES_MISSING, 1.0),)


@pytest.mark.parametrize("pages", [[], [BLANK], [BLANK, BLANK]])
def test_a_file_of_blank_pages_has_no_documents(pages: list[str]) -> None:
    assert split(faces(pages)) == Split((), (), ())


def test_a_doubtful_page_is_told_of_both_documents() -> None:
    one, two = (Paper(number, 1, 0, is_counted=False, is_named=True).pages()[0] for number in (1111, 2222))
    other = "A note\nRechnung 9876543\nTotal 5.00"
    found = split(faces([one, other, two]))
    doubtful = [seam for seam in found.seams if seam.certainty < SURE]
    assert [seam.page_index for seam in doubtful] == [1]
    assert all(
        found.doubts(part) == tuple(doubtful)
        for part in found.parts
        if 1 in (*part.page_indices, part.page_indices[-1] + 1)
    )
