"""Asking a Prefect server again that does not answer: a restart of it is no reason to give up a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import httpx
from prefect.exceptions import PrefectHTTPStatusError

log = logging.getLogger(__name__)

PATIENCE_S = 900.0
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 15.0
NO_ANSWER = (httpx.HTTPError, OSError)

T = TypeVar("T")


def patiently(ask: Callable[[], T], *, patience_s: float = PATIENCE_S) -> T:
    """Ask, and again while nobody answers, for so many seconds; raises what the last try did.

    What may have been done although its answer was lost is done twice, so it must bear that.
    """
    deadline, pause_s = time.monotonic() + patience_s, FIRST_PAUSE_S
    while True:
        try:
            return ask()
        except NO_ANSWER as error:
            if _is_refused(error) or time.monotonic() + pause_s > deadline:
                raise
            log.warning("the Prefect server does not answer (%s)", type(error).__name__)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def _is_refused(error: Exception) -> bool:
    """Whether the server answered, and would answer so again."""
    return isinstance(error, (httpx.HTTPStatusError, PrefectHTTPStatusError)) and error.response.status_code < 500
