"""Acting again while the database does not answer: a restart is no reason to lose what was read and paid for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from llava_ocr.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0


class Patient(Protocol):
    """Who has patience, in seconds; 0 for none."""

    patience_s: float


P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Patient)


def patient(act: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Let a method that is one transaction be tried again, up to its object's patience; raises what the last try did.

    A commit whose answer was lost is made twice, so the method must bear that.
    """

    @wraps(act)
    def patiently(self: S, /, *arguments: P.args, **named: P.kwargs) -> T:
        deadline, pause_s = time.monotonic() + self.patience_s, FIRST_PAUSE_S
        while True:
            try:
                return act(self, *arguments, **named)
            except DatabaseUnavailable as error:
                if time.monotonic() + pause_s > deadline:
                    raise
                log.warning("%s; trying again in %.1f s", error, pause_s)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)

    return patiently
