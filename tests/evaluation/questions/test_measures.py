"""The measures of question data sets against cases worked out by hand from their papers' definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.evaluation.questions.measures import anls, chosen, distance, exact, relaxed, vqa_accuracy, vqa_form

texts = st.text("abc1. %", max_size=8)


@pytest.mark.parametrize(
    ("predicted", "answers", "score"),
    [
        ("Rechnung", ["rechnung"], 1.0),
        # Two edits over eight characters.
        ("rechnnug", ["rechnung"], 0.75),
        # Four of eight is just at the threshold, five of eight below it.
        ("abcdXXXX", ["abcdefgh"], 0.5),
        ("abcXXXXX", ["abcdefgh"], 0.0),
        ("12.50", ["nothing", "12.60"], 0.8),
        ("", ["12"], 0.0),
        ("x", [], 0.0),
    ],
)
def test_anls_by_hand(predicted: str, answers: list[str], score: float) -> None:
    assert anls(predicted, answers) == pytest.approx(score)


@given(texts, st.lists(texts, min_size=1, max_size=4))
def test_anls_is_a_share_and_never_below_exact(predicted: str, answers: list[str]) -> None:
    assert 0 <= exact(predicted, answers) <= anls(predicted, answers) <= 1
    assert anls(answers[0], answers) == 1


@given(texts, texts, texts)
def test_edit_distance_is_a_metric(one: str, two: str, three: str) -> None:
    assert distance(one, two) == distance(two, one)
    assert (distance(one, two) == 0) == (one == two)
    assert distance(one, three) <= distance(one, two) + distance(two, three)
    assert abs(len(one) - len(two)) <= distance(one, two) <= max(len(one), len(two))


@pytest.mark.parametrize(
    ("num_agreeing", "score"),
    # Leaving out each of ten: with 1 person, nine rounds of 1/3 and one of 0; with 2, eight of 2/3 and two of 1/3;
    # with 3, seven of 1 and three of 2/3; from 4 on all of 1.
    [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)],
)
def test_vqa_accuracy_by_hand(num_agreeing: int, score: float) -> None:
    answers = ["stop"] * num_agreeing + ["go"] * (10 - num_agreeing)
    assert vqa_accuracy("Stop!", answers) == pytest.approx(score)


@given(st.lists(texts, min_size=2, max_size=10), texts, st.randoms())
def test_vqa_accuracy_knows_no_order(answers: list[str], predicted: str, random: object) -> None:
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert vqa_accuracy(predicted, answers) == pytest.approx(vqa_accuracy(predicted, shuffled))
    assert 0 <= vqa_accuracy(predicted, answers) <= 1


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The Two dogs", "2 dogs"),
        ("dont walk.", "don't walk"),
        ("cat/dog", "cat dog"),
        ("1,000", "1000"),
        ("3.5", "3.5"),
        ("none", "0"),
        (" An\napple! ", "apple"),
    ],
)
def test_answers_are_brought_to_one_form(text: str, form: str) -> None:
    assert vqa_form(text) == form


@pytest.mark.parametrize(
    ("predicted", "answer", "score"),
    [
        ("105", "100", 1.0),
        ("105.1", "100", 0.0),
        ("-95", "-100", 1.0),
        ("-94.9", "-100", 0.0),
        ("12%", "0.12", 1.0),
        ("12", "0.12", 0.0),
        ("0", "0", 1.0),
        ("0.01", "0", 0.0),
        ("yes", "Yes", 1.0),
        ("Yess", "Yes", 0.0),
        ("about 100", "100", 0.0),
        ("", "100", 0.0),
        ("nan", "nan", 1.0),
    ],
)
def test_relaxed_accuracy_by_hand(predicted: str, answer: str, score: float) -> None:
    assert relaxed(predicted, answer) == score


@given(st.floats(0.001, 1e6), st.floats(-0.049, 0.049))
def test_relaxed_accuracy_takes_five_in_a_hundred_both_ways(answer: float, error: float) -> None:
    assert relaxed(repr(answer * (1 + error)), repr(answer)) == 1
    assert relaxed(repr(-answer * (1 + error)), repr(-answer)) == 1
    assert relaxed(repr(answer * 1.06), repr(answer)) == relaxed(repr(answer * 0.94), repr(answer)) == 0


@pytest.mark.parametrize(
    ("predicted", "index"),
    [
        ("B", 1),
        ("(b)", 1),
        ("C.", 2),
        ("the red fox", 0),
        ("The answer is C.", 2),
        ("It is a goat, I think", 1),
        ("the red fox or a goat", None),
        ("D", None),
        ("", None),
        ("bird", None),
    ],
)
def test_a_choice_is_told_by_letter_or_text(predicted: str, index: int | None) -> None:
    assert chosen(predicted, ("The red fox", "a goat", "blackbird")) == index


@given(st.lists(st.text("xyz", min_size=2, max_size=6), min_size=1, max_size=5, unique=True), st.data())
def test_every_choice_can_be_chosen_by_its_text(choices: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(choices) - 1))
    assert chosen(choices[index].upper(), choices) == index
