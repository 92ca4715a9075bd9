"""Who is signed in, kept in this process's memory; a restart signs everybody out."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from llava_ocr.review.people import Person

COOKIE = "llava_ocr_session"
SESSION_S = 12 * 3600
MAX_SESSIONS = 10_000
# Wrong passwords for one name from one address before it has to wait there.
MAX_FAILURES, FAILURES_WITHIN_S = 5, 300.0
MAX_ATTEMPTS_KEPT = 100_000
Attempt = tuple[str, str]


@dataclass(frozen=True)
class Session:
    """Somebody's browser. `csrf` must come back with everything that changes something."""

    id: str
    person: Person
    csrf: str
    expires_at: float


class Sessions:
    """The sessions of one process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._lock = threading.Lock()

    def start(self, person: Person) -> Session:
        """Sign somebody in, always under a fresh id."""
        session = Session(secrets.token_urlsafe(32), person, secrets.token_urlsafe(32), time.monotonic() + SESSION_S)
        with self._lock:
            if len(self._by_id) >= MAX_SESSIONS:
                self._by_id.pop(next(iter(self._by_id)))
            self._by_id[session.id] = session
        return session

    def find(self, session_id: str) -> Session | None:
        """Return a session that has not run out."""
        with self._lock:
            session = self._by_id.get(session_id)
            if session is not None and session.expires_at <= time.monotonic():
                del self._by_id[session_id]
                return None
            return session

    def end(self, session_id: str) -> None:
        """Sign out."""
        with self._lock:
            self._by_id.pop(session_id, None)


@dataclass
class Failures:
    """Counts wrong passwords by name and address, for a while."""

    _times: dict[Attempt, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def must_wait(self, key: Attempt) -> bool:
        """Whether there were too many lately."""
        with self._lock:
            times = self._times.get(key, deque())
            while times and times[0] < time.monotonic() - FAILURES_WITHIN_S:
                times.popleft()
            if not times:
                self._times.pop(key, None)
            return len(times) >= MAX_FAILURES

    def add(self, key: Attempt) -> None:
        """Count one. Who makes up names has the oldest forgotten, not the memory filled."""
        with self._lock:
            if len(self._times) >= MAX_ATTEMPTS_KEPT and key not in self._times:
                self._times.pop(next(iter(self._times)))
            self._times.setdefault(key, deque(maxlen=MAX_FAILURES)).append(time.monotonic())
