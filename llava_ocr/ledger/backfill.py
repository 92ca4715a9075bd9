"""What a backfill is for, what it may cost, and when it has cost enough. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Why:
    """Why documents are read again: `is_stale`, read under other fingerprints or never; a value below a confidence;
    a failure class. Several reasons add up; none means everything."""

    is_stale: bool = False
    below_confidence: float | None = None
    failed: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether no reason is given."""
        return not (self.is_stale or self.failed) and self.below_confidence is None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may use before it stops and waits to be resumed; None for no limit. Money is hours at a price."""

    max_pages: int | None = None
    max_hours: float | None = None
    max_cost: float | None = None
    price_per_hour: float = 0.0

    def is_spent(self, *, num_pages: int, seconds: float) -> bool:
        """Whether one of the limits is reached."""
        hours = seconds / 3600
        spent = ((num_pages, self.max_pages), (hours, self.max_hours), (hours * self.price_per_hour, self.max_cost))
        return any(limit is not None and used >= limit for used, limit in spent)


@dataclass(frozen=True, slots=True)
class Sample:
    """One document that was read: how many pages, seconds and tokens."""

    num_pages: int
    seconds: float
    num_tokens: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a backfill would take; the ranges leave out the fastest and the slowest tenth of what was measured.

    `hours` and `num_tokens` are None where nothing was measured with this engine. Documents that nobody has opened
    count as the mean of the others.
    """

    num_documents: int
    num_unopened: int
    num_pages: int
    size_bytes: int
    num_samples: int
    hours: tuple[float, float] | None = None
    num_tokens: tuple[int, int] | None = None

    def cost(self, price_per_hour: float) -> tuple[float, float] | None:
        """The price of the hours."""
        return None if self.hours is None else (self.hours[0] * price_per_hour, self.hours[1] * price_per_hour)


def estimate(pages: Sequence[int | None], samples: Sequence[Sample], *, size_bytes: int) -> Estimate:
    """Say what reading documents of so many pages (None where unknown) would take, from what others took."""
    opened = [count for count in pages if count is not None]
    mean = sum(opened) / len(opened) if opened else _mean_pages(samples)
    num_pages = sum(opened) + round(mean * (len(pages) - len(opened)))
    counted = Estimate(len(pages), len(pages) - len(opened), num_pages, size_bytes, len(samples))
    if not samples:
        return counted
    seconds = _range([sample.seconds / sample.num_pages for sample in samples])
    tokens = _range([sample.num_tokens / sample.num_pages for sample in samples])
    return Estimate(
        counted.num_documents,
        counted.num_unopened,
        num_pages,
        size_bytes,
        len(samples),
        hours=(num_pages * seconds[0] / 3600, num_pages * seconds[1] / 3600),
        num_tokens=(round(num_pages * tokens[0]), round(num_pages * tokens[1])),
    )


def _mean_pages(samples: Sequence[Sample]) -> float:
    return sum(sample.num_pages for sample in samples) / len(samples) if samples else 1.0


def _range(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[round(0.1 * last)], ordered[round(0.9 * last)]
