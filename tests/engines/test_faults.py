"""When the device fails: what is hit fails with its class, all others are answered as if nothing had been."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.local import LocalEngine
from llava_ocr.errors import DeviceLost, EngineError, ModelFailed
from llava_ocr.tiles.tiled import TiledRaster
from tests.engines.test_local import PAGES, TEXTS
from tests.engines.test_slots import engine_of, expected, model_of
from tests.tiny.models import ask

POISON = 251


def requests_of(poisoned: set[int], count: int) -> list[Request]:
    """Questions on pages, some of them poisoned: a first pixel that no other page has."""
    found = []
    for number in range(count):
        request = ask(TEXTS[number % 4], PAGES[number % 4], request_id=str(number), max_new_tokens=4 + 5 * (number % 3))
        found.append(replace(request, rasters=(_marked(request.rasters[0]),)) if number in poisoned else request)
    return found


def _marked(raster: TiledRaster) -> TiledRaster:
    overview_HWC = raster.overview_HWC.copy()
    overview_HWC[:] = POISON
    return replace(raster, overview_HWC=overview_HWC)


def is_poisoned(pixels_TCHW: torch.Tensor) -> torch.Tensor:
    """Which tiles are one colour."""
    flat = pixels_TCHW.flatten(2)
    return (flat.amax(-1) == flat.amin(-1)).all(-1)


def raising(_: Any, args: Any, output: Any) -> None:
    if is_poisoned(args[0]).any():
        raise RuntimeError("kernel failed")


def spoiling(_: Any, args: Any, output: Any) -> None:
    for states in output.hidden_states:
        states[is_poisoned(args[0])] = torch.nan


@contextmanager
def tower_does(engine: LocalEngine, hook: Callable[..., None]) -> Iterator[None]:
    handle = engine._loop._vision._model.vision_tower.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def check(completions: list[Completion], poisoned: set[int], error: type[EngineError]) -> None:
    for number, completion in enumerate(completions):
        assert completion.request_id == str(number)
        if number in poisoned:
            assert type(completion.error) is error
        else:
            assert completion.text == expected("llama", number % 4, 4 + 5 * (number % 3))[0], number


@given(st.sets(st.integers(0, 7), max_size=3), st.integers(1, 4), st.booleans(), st.sampled_from([raising, spoiling]))
@settings(deadline=None, max_examples=15)
def test_a_page_that_spoils_a_pass_fails_alone(
    poisoned: set[int], num_slots: int, as_grid: bool, hook: Callable[..., None]
) -> None:
    engine = engine_of(model_of("llama"), max_batch=num_slots)
    engine._loop._decoder.prefers_grid = as_grid
    with tower_does(engine, hook):
        completions = engine.complete(requests_of(poisoned, 8))
    check(completions, poisoned, ModelFailed)


def test_a_device_that_is_gone_ends_what_is_open_and_keeps_what_was_answered() -> None:
    engine = engine_of(model_of("llama"), max_batch=1)
    requests = [replace(request, max_new_tokens=2) for request in requests_of(set(), 3)]
    num_passes = 0

    def dying(*_: Any) -> None:
        nonlocal num_passes
        num_passes += 1
        if num_passes > 2:
            engine._loop._decoder.is_alive = lambda: False  # type: ignore[method-assign]
            raise RuntimeError("CUDA error")

    handle = engine._loop._decoder._language.register_forward_pre_hook(dying)
    try:
        errors = sorted(type(completion.error).__name__ for completion in engine.complete(requests))
    finally:
        handle.remove()
    assert errors == ["DeviceLost", "DeviceLost", "NoneType"]
    with pytest.raises(DeviceLost):
        engine.complete(requests)


def test_after_a_failure_slots_are_all_used_again() -> None:
    engine = engine_of(model_of("llama"), max_batch=4)
    with tower_does(engine, raising):
        engine.complete(requests_of({7}, 12))
    calm = engine_of(model_of("llama"), max_batch=1)
    calm.complete(requests_of(set(), 12))
    assert engine.last_tally.num_forwards < calm.last_tally.num_forwards


def test_what_a_failed_row_leaves_in_its_slot_spoils_no_later_one() -> None:
    """Seen with attention as a grid, which multiplies what it may not see by nothing, and nothing times NaN is NaN."""
    engine = engine_of(model_of("llama"), max_batch=2)
    engine._loop._decoder.prefers_grid = True
    [spoilt] = [request for request in requests_of({3}, 4) if request.id == "3"]
    requests = [
        ask(TEXTS[1], PAGES[2], request_id="long", max_new_tokens=24),
        replace(spoilt, max_new_tokens=24),
        ask(TEXTS[2], PAGES[0], request_id="short", max_new_tokens=24),
    ]
    with tower_does(engine, spoiling):
        long, failed, short = engine.complete(requests)
    assert isinstance(failed.error, ModelFailed)
    assert long.error is None
    assert short.error is None
