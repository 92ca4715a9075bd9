"""How much faster the slot engine is than what is usually written first, one rung at a time; answers compared.

`pages_per_s` is by this process's own CPU time on a CPU (neighbours can't spoil it; one thread), by the clock on a
GPU. `ratio_to_naive` and `ratio_to_padded` are to the first two rungs, `same_answers` the share of answers equal to
padded `generate`'s. `model_s` is what the physical model grants for vision, prompts and decoding, `of_model` the share
of the measured time that this is; `device_busy` and `host_share` part the time between device and host.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from llava_ocr.bench.decode_pages import BenchPage, painted, read_pages
from llava_ocr.bench.decode_physics import Peaks, busy_share, measure_peaks, modelled_s, weights_of
from llava_ocr.bench.random_model import random_model
from llava_ocr.bench.stock_loop import StockLoop
from llava_ocr.bench.unforced import Unforced
from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.engines.base import Blanks
from llava_ocr.engines.local import Compile, LocalEngine
from llava_ocr.engines.memory import token_bytes
from llava_ocr.engines.slots import Tally
from llava_ocr.models.load import LoadedModel, load
from llava_ocr.services import read_options
from llava_ocr.settings import Settings

_PADDED_BATCH = 8
_FIRST, _REFERENCE = "naive", "padded generate"
# On a GPU one page takes the first rung some twenty seconds, and a piece of a run should end within ten minutes.
_FIRST_PAGES_ON_GPU = 4
_BUSY_PAGES = 4


@dataclass(frozen=True)
class _Answered:
    """What one rung said, and what that took."""

    texts: list[str]
    num_forwards: int
    num_tokens: int
    tally: Tally | None = None


Measured = dict[str, object]


@dataclass(frozen=True)
class _Rung:
    """One way to answer pages; `blanks` is how they are prepared, `limit` how many of them it gets."""

    climb: Callable[[Sequence[BenchPage]], _Answered]
    blanks: Blanks = Blanks.KEEP
    limit: int | None = None


def run(
    *,
    num_pages: int = 8,
    shapes: str = "",
    state: Path | None = None,
    max_new_tokens: int = 400,
    scans: bool = False,
) -> Iterator[Measured]:
    """Climb the ladder, yielding a line per rung. `shapes` names a random model instead of the settings' own.

    With `state`, rungs that the file holds already are not climbed again, so that a run can be cut into pieces.
    """
    settings = Settings()
    model = _model(settings, shapes)
    device = model.network.model.image_newline.device
    kind = "scans" if scans else "pages"
    key = f"{model.profile.name}, {device}, {num_pages} {kind}, {max_new_tokens} tokens"
    everything = _read_state(state)
    done = everything.setdefault(key, {})
    with _one_thread_on_a_cpu(device), painted(num_pages, scans=scans) as paths:
        pages: dict[Blanks, list[BenchPage]] = {}
        for name, rung in _rungs(model, settings.batch_size).items():
            if name not in done:
                if rung.blanks not in pages:
                    engine = LocalEngine(model, compile_grammar=_compiler(model).compile, blanks=rung.blanks)
                    pages[rung.blanks] = read_pages(paths, read_options(settings, engine), limit=max_new_tokens)
                done[name] = _measured(rung, pages[rung.blanks][: rung.limit], model, is_looked_into=bool(shapes))
                _write_state(state, everything)
            line = {"rung": name, "model": model.profile.name, "device": str(device), "kind": kind}
            yield line | _compared(done, name)


@contextmanager
def _one_thread_on_a_cpu(device: torch.device) -> Iterator[None]:
    num_threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


def _model(settings: Settings, shapes: str) -> LoadedModel:
    if not shapes:
        return load(settings.engine, precision=settings.precision, device=settings.device)
    like = load("small", device="cpu")
    return random_model(shapes, like=like, device=settings.device, precision=settings.precision)


def _compiler(model: LoadedModel) -> GrammarCompiler:
    num_tokens = model.network.config.text_config.vocab_size
    return GrammarCompiler.for_tokenizer(model.tokenizer, num_tokens=num_tokens)


def _rungs(model: LoadedModel, num_slots: int) -> dict[str, _Rung]:
    """The ladder, from what is usually written first; each rung has what the one before it has, and one thing more."""
    compiler = _compiler(model)
    on_gpu = model.network.model.image_newline.device.type == "cuda"

    def engine(compile_grammar: Compile, *, drafts: bool, blanks: Blanks = Blanks.KEEP) -> _Rung:
        local = LocalEngine(model, compile_grammar=compile_grammar, max_batch=num_slots, drafts=drafts, blanks=blanks)
        return _Rung(lambda pages: _by_engine(local, pages), blanks)

    naive = _Rung(
        lambda pages: _one_by_one(StockLoop(model, compiler.compile), pages),
        limit=_FIRST_PAGES_ON_GPU if on_gpu else None,
    )
    return {
        _FIRST: naive,
        _REFERENCE: _Rung(lambda pages: _by_batches(StockLoop(model, compiler.compile), pages)),
        "slots": engine(lambda grammar: Unforced(compiler.compile(grammar)), drafts=False),
        "slots, jump-forward": engine(compiler.compile, drafts=False),
        "slots, jump-forward, drafts": engine(compiler.compile, drafts=True),
        "all that, blank tokens dropped": engine(compiler.compile, drafts=True, blanks=Blanks.DROP),
        "all that, blank bands squeezed": engine(compiler.compile, drafts=True, blanks=Blanks.SQUEEZE),
    }


def _one_by_one(loop: StockLoop, pages: Sequence[BenchPage]) -> _Answered:
    texts = [loop.answer_page(page.request, page.drawn_HWC) for page in pages]
    return _Answered(texts, loop.num_steps, loop.num_new_tokens)


def _by_batches(loop: StockLoop, pages: Sequence[BenchPage]) -> _Answered:
    texts: list[str] = []
    for start in range(0, len(pages), _PADDED_BATCH):
        texts += loop.answer_batch([page.request for page in pages[start : start + _PADDED_BATCH]])
    return _Answered(texts, loop.num_steps, loop.num_new_tokens)


def _by_engine(engine: LocalEngine, pages: Sequence[BenchPage]) -> _Answered:
    completions = engine.complete([page.request for page in pages])
    num_tokens = sum(completion.num_new_tokens for completion in completions)
    texts = [completion.text for completion in completions]
    return _Answered(texts, engine.last_tally.num_forwards, num_tokens, engine.last_tally)


def _measured(rung: _Rung, pages: Sequence[BenchPage], model: LoadedModel, *, is_looked_into: bool) -> Measured:
    device = model.network.model.image_newline.device
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    with torch.inference_mode():
        rung.climb([page.cut_short() for page in pages[:2]])
        start_s, wall_start_s = clock(), time.perf_counter()
        answered = rung.climb(pages)
        seconds, wall_s = clock() - start_s, time.perf_counter() - wall_start_s
        measured: Measured = {
            "pages": len(pages),
            "pages_per_s": round(len(pages) / seconds, 4),
            "wall_s": round(wall_s, 1),
            "tokens": answered.num_tokens,
            "tokens_per_forward": round(answered.num_tokens / answered.num_forwards, 2),
            "texts": {page.request.id: text for page, text in zip(pages, answered.texts, strict=True)},
        }
        if answered.tally is not None:
            measured["prompt_tokens"] = answered.tally.num_prefill_tokens
            measured |= _beside_the_model(answered.tally, model, seconds)
            if is_looked_into:
                busy = busy_share(lambda: rung.climb(pages[:_BUSY_PAGES]), device)
                measured |= {"device_busy": round(busy, 3), "host_share": round(1 - busy, 3)}
    return measured


def _beside_the_model(tally: Tally, model: LoadedModel, seconds: float) -> Measured:
    newline_D = model.network.model.image_newline
    peaks: Peaks = measure_peaks(newline_D.device, newline_D.dtype)
    weights = weights_of(model.network, token_bytes(model.network.config.text_config, newline_D.dtype))
    granted = modelled_s(tally, weights, peaks)
    return {
        "model_s": {part: round(part_s, 4) for part, part_s in granted.items()},
        "of_model": round(sum(granted.values()) / seconds, 3),
        "peaks": {name: float(f"{value:.3g}") for name, value in asdict(peaks).items()},
    }


def _compared(done: dict[str, Measured], name: str) -> Measured:
    """A rung's figures beside the first two rungs', its answers beside those of padded `generate`."""
    measured = dict(done[name])
    texts = measured.pop("texts")
    measured["ratio_to_naive"] = _ratio(measured, done[_FIRST])
    # The first rung sees the stock processor's pixels, so its answers are others.
    if name != _FIRST:
        measured["ratio_to_padded"] = _ratio(measured, done[_REFERENCE])
        measured["same_answers"] = _share_equal(texts, done[_REFERENCE]["texts"])
    return measured


def _ratio(measured: Measured, to: Measured) -> float:
    return round(float(str(measured["pages_per_s"])) / float(str(to["pages_per_s"])), 2)


def _share_equal(texts: object, expected: object) -> float:
    assert isinstance(texts, dict), texts
    assert isinstance(expected, dict), expected
    return round(sum(bool(text == expected[page]) for page, text in texts.items()) / len(texts), 3)


def _read_state(path: Path | None) -> dict[str, dict[str, Measured]]:
    if path is None or not path.exists():
        return {}
    state: dict[str, dict[str, Measured]] = json.loads(path.read_text(encoding="utf-8"))
    return state


def _write_state(path: Path | None, done: dict[str, dict[str, Measured]]) -> None:
    if path is not None:
        path.write_text(json.dumps(done, ensure_ascii=False), encoding="utf-8")
