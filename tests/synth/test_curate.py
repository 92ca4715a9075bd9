"""Which painted documents are kept."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.curate import (
    Balance,
    Curation,
    NotEnoughDocuments,
    Part,
    Split,
    choose_balanced,
    curate,
    keep,
    split_of,
)
from llava_ocr.synth.paint import paint


def blank(seed: int, *, issuer: str = "", language: str = "en") -> PaintedDocument:
    return PaintedDocument("note", seed, language, {"number": str(seed)}, (), (), Origin("letter", "Times", issuer))


def test_most_documents_are_for_training_and_some_are_held_out() -> None:
    splits = Counter(split_of(Origin("columns", "Helvetica", f"issuer {n}")) for n in range(2000))
    assert 0.08 < splits[Split.HELD_OUT] / 2000 < 0.18


def test_an_issuer_is_never_on_both_sides() -> None:
    sides = {split_of(Origin("letter", font, "Muster GmbH")) is Split.HELD_OUT for font in ("Times", "Lato", "Roboto")}
    assert len(sides) == 1


@given(st.text(), st.text(), st.text(), st.permutations(list(Part)))
@settings(deadline=None, max_examples=60)
def test_the_first_part_alone_makes_the_hold_out(family: str, font: str, issuer: str, parts: list[Part]) -> None:
    origin = Origin(family, font, issuer)
    is_held_out = split_of(origin, (parts[0],)) is Split.HELD_OUT
    assert (split_of(origin, tuple(parts)) is Split.HELD_OUT) == is_held_out


def test_a_template_is_never_in_training_and_hold_out() -> None:
    sides = {split_of(Origin("letter", "Times", f"issuer {n}"), (Part.TEMPLATE,)) for n in range(50)}
    assert len(sides) == 1


def test_equal_contents_are_kept_once() -> None:
    documents = [paint("receipt", seed) for seed in (1, 2, 1)]
    split = split_of(documents[0].origin)
    assert len([d for d in keep(documents, split) if d.seed == 1]) == 1


def test_a_curated_set_has_one_split_and_each_content_once() -> None:
    def paint_twice(seed: int) -> PaintedDocument:
        return replace(blank(seed, issuer=f"issuer {seed // 2}"), truth={"number": str(seed // 2)})

    kept = list(curate(paint_twice, 30, Curation(Split.HELD_OUT, is_unique=True)))
    assert {split_of(document.origin) for document in kept} == {Split.HELD_OUT}
    assert len({document.truth["number"] for document in kept}) == len(kept) == 30


def test_a_balanced_set_has_as_many_of_each_as_there_are() -> None:
    languages = ("en", "en", "en", "en", "en", "en", "de", "de", "de", "fr")
    order = Curation(balance=Balance.LANGUAGE)
    kept = list(curate(lambda seed: blank(seed, language=languages[seed % 10]), 30, order, first_seed=100))
    assert Counter(document.language for document in kept) == {"en": 10, "de": 10, "fr": 10}


def test_a_set_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(NotEnoughDocuments, match="only 1 of 5"):
        list(curate(lambda seed: replace(blank(seed), truth={}), 5, Curation(is_unique=True)))


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.integers(0, 500), st.sampled_from("abcd")), st.integers(0, 60))
def test_no_group_is_ahead_of_one_that_still_has_some(groups: dict[int, str], num_wanted: int) -> None:
    chosen = Counter(groups[seed] for seed in choose_balanced(groups.items(), num_wanted))
    whole = Counter(groups.values())
    assert chosen.total() == min(num_wanted, len(groups))
    assert all(chosen[a] <= chosen[b] + 1 for a in whole for b in whole if chosen[b] < whole[b])
