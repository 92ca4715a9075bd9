"""One HTTP server that is asked from several threads. The only door to httpx.

Nothing is sent twice here, least of all after a time-out: the server may still be at work on the first, and would be
paid for both. Cutting the connection is how inference servers are told to stop, so `close` cuts those in use.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from weakref import WeakSet

import httpx

from llava_ocr.errors import ConfigError, EngineError, EngineTimeout, EngineUnavailable

CONNECT_S = 10.0
MAX_REPLY_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Reply:
    """What came back; `wait_s` is how long the server asks to be left alone, if it says so."""

    status: int
    body: bytes
    wait_s: float | None


class Server:
    """A server at `url`. `timeout_s` bounds a whole answer, however slowly it drips in. Raises ConfigError."""

    def __init__(self, url: str, *, key: str, timeout_s: float, max_connections: int) -> None:
        if not (key.isascii() and key.isprintable()):
            raise ConfigError("LLAVA_OCR_ENDPOINT_KEY holds a character that no key has, such as a line break")
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            raise ConfigError("LLAVA_OCR_ENDPOINT_URL is no URL") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError("LLAVA_OCR_ENDPOINT_URL must begin with http:// or https:// and name a host")
        self.host = parsed.host
        self._timeout_s = timeout_s
        self._client = httpx.Client(
            base_url=url.rstrip("/").removesuffix("/v1"),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            limits=httpx.Limits(max_connections=max_connections),
        )
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def post(self, path: str, body: bytes, *, asking: str) -> Reply:
        """Send JSON and read the reply. Raises EngineUnavailable, EngineTimeout or EngineError, which name `asking`."""
        where = f"{asking} at {self.host}"
        try:
            return self._post(path, body, where)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise EngineUnavailable(f"{where}: can't be reached") from None
        except httpx.TimeoutException:
            raise EngineTimeout(f"{where}: no answer within {self._timeout_s:g} s") from None
        except httpx.HTTPError as error:
            if self._closing.is_set():
                raise EngineUnavailable(f"{where}: given up, the engine was closed") from None
            raise EngineError(f"{where}: the connection broke ({type(error).__name__})") from None

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server is open."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Cut the connections, those in use included: who waits on one gets EngineUnavailable."""
        with self._lock:
            self._closing.set()
            for connected in list(self._sockets):
                _cut(connected)

    def free(self) -> None:
        """Give the connections back; call when nobody asks any more."""
        self._client.close()

    def _post(self, path: str, body: bytes, where: str) -> Reply:
        if self._closing.is_set():
            raise EngineUnavailable(f"{where}: given up, the engine was closed")
        deadline = time.monotonic() + self._timeout_s
        headers = {"Content-Type": "application/json"}
        chunks: list[bytes] = []
        num_bytes = 0
        with self._client.stream("POST", path, content=body, headers=headers, extensions=self._extensions()) as reply:
            for chunk in reply.iter_bytes():
                chunks.append(chunk)
                num_bytes += len(chunk)
                if num_bytes > MAX_REPLY_BYTES:
                    raise EngineError(f"{where}: the answer is larger than {MAX_REPLY_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    raise EngineTimeout(f"{where}: no whole answer within {self._timeout_s:g} s")
            return Reply(reply.status_code, b"".join(chunks), _wait_s(reply.headers.get("Retry-After", "")))

    def _extensions(self) -> dict[str, Any]:
        return {"trace": self._watch}

    def _watch(self, event: str, info: dict[str, Any]) -> None:
        """Note each new connection's socket: closing a client does not wake a thread that reads from it."""
        if event not in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            return
        connected = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._sockets.add(connected)
            if self._closing.is_set():
                _cut(connected)


def _cut(connected: socket.socket) -> None:
    # Not `SSLSocket.shutdown`, which takes the TLS layer away under the thread that reads through it.
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _wait_s(said: str) -> float | None:
    """Read a Retry-After header: seconds, or a date."""
    try:
        seconds = float(said)
    except ValueError:
        try:
            when = parsedate_to_datetime(said)
        except ValueError:
            return None
        seconds = (when.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
