import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.errors import ConfigError
from llava_ocr.train.sources import Mixture, Share, feed, shuffled
from llava_ocr.train.turns import TiledExample
from llava_ocr.train.world import World


class Numbers:
    """Examples that say their number; each `bad_every`-th can't be used."""

    def __init__(self, mark: int, bad_every: int = 10**9) -> None:
        self.mark, self.bad_every = mark, bad_every

    def example(self, number: int) -> TiledExample | None:
        if number % self.bad_every == self.bad_every - 1:
            return None
        return TiledExample(np.array([self.mark, number % 10**6]), np.ones(2), ())


def said(example: TiledExample) -> tuple[int, int]:
    return int(example.tokens[0]), int(example.tokens[1])


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 3))
def test_shares_are_kept_and_no_example_is_left_out(shares, seed):
    sources = [Share(Numbers(mark), share) for mark, share in enumerate(shares)]
    mixture = Mixture(sources, max_tokens=9, seed=seed)
    seen = [said(mixture.example(position)) for position in range(200)]
    for mark, share in enumerate(shares):
        own = [number for which, number in seen if which == mark]
        assert own == list(range(len(own)))
        assert len(own) / 200 == pytest.approx(share / sum(shares), abs=0.011)


def test_what_cannot_be_used_is_replaced_always_by_the_same(tmp_path):
    mixture = Mixture([Share(Numbers(0, bad_every=2), 1.0)], max_tokens=9, seed=1)
    assert [said(mixture.example(n)) for n in range(30)] == [said(mixture.example(n)) for n in range(30)]


def test_examples_that_are_all_too_long_are_an_error():
    with pytest.raises(ConfigError, match="50 examples in a row"):
        Mixture([Share(Numbers(0), 1.0)], max_tokens=1, seed=0).example(0)


@given(st.integers(1, 50), st.integers(0, 5))
def test_all_are_gone_through_before_any_comes_again(size, turn):
    assert sorted(shuffled(turn * size + n, size, seed=2) for n in range(size)) == list(range(size))


@given(st.integers(1, 4), st.integers(0, 20))
@settings(deadline=None, max_examples=15)
def test_processes_share_the_stream(size, start):
    mixture = Mixture([Share(Numbers(0), 1.0)], max_tokens=9, seed=0)
    feeds = [feed(mixture.example, start=start, world=World(rank, size)) for rank in range(size)]
    taken = [said(example)[1] for _ in range(3) for example in (next(each) for each in feeds)]
    assert taken == list(range(start, start + 3 * size))


def test_an_error_reaches_the_one_who_trains():
    def fail(position: int) -> TiledExample:
        raise ConfigError(f"at {position}")

    with pytest.raises(ConfigError, match="at 7"):
        list(itertools.islice(feed(fail, start=7, world=World(0, 1)), 1))
