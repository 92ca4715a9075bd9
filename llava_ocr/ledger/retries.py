"""What may be tried again, how soon and how often; when a document or a shard is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from llava_ocr.errors import ObjectChanged, PoisonDocument, error_classes
from llava_ocr.ledger.leases import Shard
from llava_ocr.ledger.order import is_final


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how soon.

    `max_tries` holdings of a shard put documents off; in the last, what fails has failed. From `cautious_after` deaths
    on a shard is read one document at a time; a document that was alone in `poison_after` deaths is poison. A shard
    stops after `max_idle_crashes` deaths in a row that ended no document: then it is not the documents.
    """

    max_tries: int = 4
    first_delay_s: float = 5.0
    factor: float = 4.0
    max_delay_s: float = 600.0
    cautious_after: int = 2
    poison_after: int = 2
    max_idle_crashes: int = 6


def may_pass(reason: str) -> bool:
    """Whether a failure of this class may go away on another try in the same run."""
    error = error_classes().get(reason)
    # An object that changed is another object than the one listed; only a new listing finds it.
    return error is not None and error.retryable and not issubclass(error, ObjectChanged)


def is_worth_asking_for(reason: str) -> bool:
    """Whether a person who says "retry" means failures of this class: what may pass, and what killed workers."""
    error = error_classes().get(reason)
    # `EngineTimeout` and the like are not retried blindly, but whoever asks has looked.
    return reason == PoisonDocument.__name__ or (error is not None and not is_final(reason))


def is_last_try(shard: Shard, retries: Retries) -> bool:
    """Whether a holding of the shard is the last that may put documents off to another."""
    return shard.num_tries + 1 >= retries.max_tries


def delay_s(num_tries: int, retries: Retries) -> float:
    """How long to wait after `num_tries` tries: longer each time, up to the limit."""
    # The exponent is capped, because a float's own limit is soon reached.
    return min(retries.max_delay_s, retries.first_delay_s * retries.factor ** min(num_tries - 1, 32))


def is_cautious(shard: Shard, retries: Retries) -> bool:
    """Whether the shard has killed often enough to be read one document at a time."""
    return shard.num_crashes >= retries.cautious_after


def is_poison(num_crashes: int, retries: Retries) -> bool:
    """Whether a document that was alone in so many deaths is given up."""
    return num_crashes >= retries.poison_after


def is_stopped(num_idle_crashes: int, retries: Retries) -> bool:
    """Whether a shard is given up: deaths that no single document explains."""
    return num_idle_crashes >= retries.max_idle_crashes
