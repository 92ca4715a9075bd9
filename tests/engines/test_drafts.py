"""Guessing ahead: what is guessed, when guessing stops, and that no answer changes by it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import Completion
from llava_ocr.engines.drafts import USEFUL_RATE, PageDrafter, Source, Trust
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.pieces import Pieces
from tests.engines.test_local import PAGES, TEXTS, generated
from tests.engines.test_slots import engine_of, expected, model_of, slips
from tests.tiny.models import BACKBONES, ask

BYTES = Pieces([bytes([byte]) for byte in range(256)], drops_first_space=False)


def drafter_of(*, guess: str = "", page: str = "", trust: Trust | None = None) -> PageDrafter:
    return PageDrafter(
        guess=guess, page=page, spell=lambda text: list(text.encode()), pieces=BYTES, trust=trust or Trust()
    )


def drafted(drafter: PageDrafter, answer: str) -> str:
    return bytes(drafter.draft(list(answer.encode()))).decode()


GUESS = '{"a":"one","rows":[{"b":"x","c":"y"},{"b":"z","c":null}],"d":"end"}'


@pytest.mark.parametrize(
    ("answer", "goes_on"),
    [
        ("", '{"a":"o'),
        ('{"a":"one', '","rows'),
        ('{"a":"other","rows":', '[{"b":'),
        ('{"a":"one","rows":[{"b":"x","c":"y"},{"b":', '"z","c"'),
        ('{"a":null,"rows":[],"d":', '"end"}'),
    ],
)
def test_a_guess_is_followed_and_found_again_at_the_next_key(answer: str, goes_on: str) -> None:
    assert drafted(drafter_of(guess=GUESS), answer).startswith(goes_on)


def test_a_guess_that_is_contradicted_is_silent_until_the_next_key() -> None:
    assert drafted(drafter_of(guess=GUESS), '{"a":"tw') == ""


def test_a_value_that_has_begun_goes_on_as_its_line_does() -> None:
    page = 'Invoice 12     Gour & Fils\nSay "hello"   x'
    assert drafted(drafter_of(page=page), '{"a":"Gour') == ' & Fils"'
    assert drafted(drafter_of(page=page), '{"a":"ay') == ""
    assert drafted(drafter_of(page=page), '{"a":"G') == ""


def test_rows_that_repeat_are_echoed() -> None:
    assert drafted(drafter_of(), '[{"article":"x","c":"y"},{"article":"x"').startswith(',"c":"y"')


def test_a_source_that_is_mostly_wrong_is_not_asked_again() -> None:
    trust = Trust()
    drafter = drafter_of(guess=GUESS, trust=trust)
    for _ in range(5):
        if tokens := drafter.draft([]):
            drafter.learn(len(tokens), 0)
    assert drafted(drafter, "") == ""
    assert trust.rates[Source.GUESS] < USEFUL_RATE
    assert drafted(drafter_of(guess=GUESS, trust=trust), "") != ""


def test_a_source_that_is_right_drafts_further() -> None:
    drafter = drafter_of(guess=GUESS * 3)
    first = drafter.draft([])
    for _ in range(8):
        drafter.learn(len(first), len(first))
    assert len(drafter.draft([])) > len(first)


@given(st.text(max_size=60), st.text(max_size=40))
@settings(deadline=None, max_examples=60)
def test_a_draft_is_the_beginning_of_its_guess(guess: str, page: str) -> None:
    assert guess.encode().startswith(bytes(drafter_of(guess=guess, page=page).draft([])))


@pytest.mark.parametrize("backbone", ["llama", "mistral-window"])
def test_guesses_of_the_real_kind_change_no_answer(backbone: str) -> None:
    model = model_of(backbone)
    answers = [completion.text for completion in engine_of(model, drafts=False).complete(slips(4))]
    wrong = [replace(one, guess='{"shop":"Caf","day":null,"total":"12,50"}') for one in slips(4)]
    right = [replace(one, guess=answer) for one, answer in zip(slips(4), answers, strict=True)]
    engine = engine_of(model)
    for requests in (wrong, right):
        assert [completion.text for completion in engine.complete(requests)] == answers
        assert engine.last_tally.num_drafted > 0


@dataclass
class Seer:
    """Knows the answer, but errs where `wrong` says."""

    answer: Sequence[int]
    wrong: set[int]
    length: int

    def draft(self, tokens: Sequence[int]) -> Sequence[int]:
        place = len(tokens)
        ahead = self.answer[place : place + self.length]
        return [9 if place + ahead_by in self.wrong else token for ahead_by, token in enumerate(ahead)]

    def learn(self, num_drafted: int, num_accepted: int) -> None:
        pass


def seen_ahead(backbone: str, wrong: set[int], length: int) -> tuple[LocalEngine, list[Completion]]:
    model = model_of(backbone)
    answers = {text: generated(model, text, [raster], 24) for text, raster in zip(TEXTS, PAGES, strict=True)}
    engine = engine_of(model, max_batch=3)
    engine._drafter = lambda request, _: Seer(answers[request.id], wrong, length)  # type: ignore[method-assign]
    requests = [ask(text, raster, request_id=text) for text, raster in zip(TEXTS, PAGES, strict=True)]
    return engine, engine.complete(requests)


@given(st.sampled_from(sorted(BACKBONES)), st.sets(st.integers(0, 24)), st.integers(1, 9))
@settings(deadline=None, max_examples=10)
def test_drafts_right_or_wrong_equal_generate(backbone: str, wrong: set[int], length: int) -> None:
    _, completions = seen_ahead(backbone, wrong, length)
    for index, completion in enumerate(completions):
        assert (completion.text, completion.trace.ends) == expected(backbone, index, 24)


def test_right_drafts_save_passes() -> None:
    engine, completions = seen_ahead("llama", set(), 8)
    # A pass reads eight guessed tokens and says one more; four questions take turns on three slots.
    assert max(completion.num_new_tokens for completion in completions) == 24
    assert engine.last_tally.num_forwards <= 2 * 4
    assert engine.last_tally.num_accepted > 0.8 * engine.last_tally.num_new_tokens


def test_traces_are_the_same_with_and_without_drafts() -> None:
    model = model_of("llama")
    [plain] = engine_of(model, drafts=False).complete(slips(1))
    [guessed] = engine_of(model).complete([replace(slips(1)[0], guess=plain.text)])
    assert guessed.trace.ends == plain.trace.ends
    assert guessed.trace.forced == plain.trace.forced
    assert guessed.trace.logprobs == pytest.approx(plain.trace.logprobs, abs=1e-4)
