"""How right an answer is, as each public data set's own paper measures it: 0 to 1 a question. Pure.

DocVQA (Mathew et al. 2021): ANLS and exact accuracy. TextVQA (Singh et al. 2019): VQA accuracy over ten people's
answers. ChartQA (Masry et al. 2022): relaxed accuracy. ScienceQA (Lu et al. 2022): accuracy of the choice.
An answer that abstains is the empty text.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence

# Biten et al. 2019: an answer that is further off than half its length counts nothing.
ANLS_THRESHOLD = 0.5
CHART_TOLERANCE = 0.05
# Antol et al. 2015: as good as three of the other nine people.
AGREEING = 3


def anls(predicted: str, answers: Sequence[str]) -> float:
    """Normalized Levenshtein similarity to the nearest answer, case aside; 0 where that is below a half."""
    return max((_similarity(_plain(predicted), _plain(answer)) for answer in answers), default=0.0)


def exact(predicted: str, answers: Sequence[str]) -> float:
    """1 where it is one of the answers, case and outer white space aside."""
    return float(_plain(predicted) in {_plain(answer) for answer in answers})


def vqa_accuracy(predicted: str, answers: Sequence[str]) -> float:
    """min(1, agreeing people / 3), averaged over leaving out each person in turn."""
    said, given = vqa_form(predicted), [vqa_form(answer) for answer in answers]
    if not given:
        return 0.0
    rounds = [
        min(1.0, sum(other == said for other in given[:i] + given[i + 1 :]) / AGREEING) for i in range(len(given))
    ]
    return sum(rounds) / len(rounds)


def relaxed(predicted: str, answer: str) -> float:
    """1 where a number is within 5 % of the answer, or a text equals it, case aside; `12 %` is 0.12."""
    said, wanted = _number(predicted), _number(answer)
    if said is not None and wanted:
        return float(abs(said - wanted) / abs(wanted) <= CHART_TOLERANCE)
    return float(_plain(predicted) == _plain(answer))


def chosen(predicted: str, choices: Sequence[str]) -> int | None:
    """The choice that an answer means, by its letter or its text; None where it means none or several."""
    said = _plain(predicted).rstrip(".")
    texts = [_plain(choice).rstrip(".") for choice in choices]
    if texts.count(said) == 1:
        return texts.index(said)
    letter = _LETTER.fullmatch(predicted.strip()) or _ANSWER_IS.search(predicted)
    if letter is not None:
        index = string.ascii_uppercase.index(letter[1].upper())
        return index if index < len(choices) else None
    held = [index for index, text in enumerate(texts) if text and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said)]
    return held[0] if len(held) == 1 else None


def vqa_form(text: str) -> str:
    """Bring an answer to the form in which VQA compares: lower case, numbers as digits, no articles, no marks."""
    plain = text.strip().lower().replace("\n", " ").replace("\t", " ")
    words = _without_marks(plain).split()
    spelled = (_DIGITS.get(word, word) for word in words)
    return " ".join(_CONTRACTIONS.get(word, word) for word in spelled if word not in ("a", "an", "the"))


def distance(one: str, other: str) -> int:
    """Levenshtein's edit distance."""
    row = list(range(len(other) + 1))
    for number, char in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (char != wanted))
    return row[-1]


def _similarity(one: str, other: str) -> float:
    longest = max(len(one), len(other))
    similarity = 1 - distance(one, other) / longest if longest else 1.0
    return similarity if similarity >= ANLS_THRESHOLD else 0.0


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


_LETTER = re.compile(r"\(?([A-Za-z])\)?[.:]?")
_ANSWER_IS = re.compile(r"\banswer is:? ?\(?([A-Z])\)?(?!\w)")


def _number(text: str) -> float | None:
    """A number as the authors' own program takes it: no thousands separators, no currency; a share of hundred."""
    bare = text.strip()
    try:
        number = float(bare.removesuffix("%")) / (100 if bare.endswith("%") else 1)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_MARKS = ';/[]"{}()=+\\_-><@`!'
_LONE_PERIOD = re.compile(r"(?<!\d)\.(?!\d)")


def _without_marks(text: str) -> str:
    """Marks that stand at a space go everywhere, others become spaces; commas and question marks go first."""
    text = shown = text.replace(",", "").replace("?", "").replace("'s", " 's")
    for mark in _MARKS:
        shown = shown.replace(mark, "" if f"{mark} " in text or f" {mark}" in text else " ")
    return _LONE_PERIOD.sub("", shown)


_DIGITS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}
# Written without their apostrophes; those whose bare form is a word of its own (`its`, `well`) are none.
_CONTRACTED = (
    "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he's how'd how'll how's i'm "
    "i've isn't it'd it'll let's ma'am mightn't might've mustn't must've needn't o'clock oughtn't shan't "
    "should've shouldn't somebody's someone's that'd that's there'd there're there's they'd they'll they're "
    "they've 'twas wasn't we've weren't what'll what're what's what've when's where'd where's where've who'd "
    "who'll who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're you've"
)
_CONTRACTIONS = {word.replace("'", ""): word for word in _CONTRACTED.split()}
