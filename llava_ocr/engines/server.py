"""One HTTP server that is asked from several threads. The only door to httpx.

Every request has a connection of its own. Cutting it is how inference servers are told to stop, so a request whose time
is up is cut, wherever it stands; and no request meets a connection that the server was just about to close.
Nothing is sent twice here, least of all after a time-out: the server may still be at work, and both would be paid for.
"""

from __future__ import annotations

import base64
import math
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

import httpx

from llava_ocr.errors import BadReply, ConfigError, EngineDropped, EngineTimeout, EngineUnavailable

CONNECT_S = 10.0
MAX_REPLY_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Reply:
    """What came back; `wait_s` is how long the server asks to be left alone, if it says so."""

    status: int
    body: bytes
    media_type: str
    wait_s: float | None


class Server:
    """A server at `url`. `timeout_s` bounds a whole answer, however slowly it drips in. Raises ConfigError."""

    def __init__(self, url: str, *, key: str, timeout_s: float, max_connections: int) -> None:
        base = _checked(url)
        self.host = base.host
        self.timeout_s = timeout_s
        self._client = httpx.Client(
            # Without the name and password: httpx writes the URL of each request to the log.
            base_url=base.copy_with(userinfo=b""),
            headers=_credentials(base, key),
            # Reading the authorities takes most of opening, and plain http needs none: this one trusts nobody.
            verify=True if base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=0),
        )
        self._calls: set[_Call] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._rest_until = 0.0

    def post(self, path: str, body: bytes, *, asking: str) -> Reply:
        """Send JSON and read the reply. Raises EngineUnavailable, EngineTimeout, EngineDropped or BadReply, which name
        `asking`."""
        return self._send("POST", path, body, asking=asking, timeout_s=self.timeout_s)

    def get(self, path: str, *, asking: str, timeout_s: float = CONNECT_S) -> Reply:
        """Read what stands at a path; raises as `post` does."""
        return self._send("GET", path, b"", asking=asking, timeout_s=min(timeout_s, self.timeout_s))

    def rest(self, seconds: float) -> None:
        """Leave the server alone for a while: no thread's `wait` ends before."""
        with self._lock:
            self._rest_until = max(self._rest_until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Wait while the server is left alone, but not longer than it is open. Threads go on at different times."""
        rest_s = self._rest_until - time.monotonic()
        while rest_s > 0 and not self._closing.is_set():
            self._closing.wait(rest_s * random.uniform(1.0, 1.25))
            rest_s = self._rest_until - time.monotonic()

    def close(self) -> None:
        """Cut the connections, those in use included: who waits on one gets EngineUnavailable."""
        with self._lock:
            self._closing.set()
            for call in self._calls:
                call.cut()

    def free(self) -> None:
        """Give the connections back; call when nobody asks any more."""
        self._client.close()

    def _send(self, method: str, path: str, body: bytes, *, asking: str, timeout_s: float) -> Reply:
        where = f"{asking} at {self.host}"
        with self._call(timeout_s) as call:
            try:
                return self._exchange(method, path, body, call, where)
            except httpx.HTTPError as error:
                if self._closing.is_set():
                    raise EngineUnavailable(f"{where}: given up, the engine was closed") from None
                if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
                    raise EngineUnavailable(f"{where}: can't be reached") from None
                if call.is_late or isinstance(error, httpx.TimeoutException):
                    raise EngineTimeout(f"{where}: no whole answer within {timeout_s:g} s") from None
                raise EngineDropped(f"{where}: the connection broke ({type(error).__name__})") from None

    def _exchange(self, method: str, path: str, body: bytes, call: _Call, where: str) -> Reply:
        headers = {"Content-Type": "application/json"} if body else {}
        chunks: list[bytes] = []
        num_bytes = 0
        with self._client.stream(
            method, path, content=body, headers=headers, extensions={"trace": call.watch}
        ) as reply:
            for chunk in reply.iter_bytes():
                chunks.append(chunk)
                num_bytes += len(chunk)
                if num_bytes > MAX_REPLY_BYTES:
                    raise BadReply(f"{where}: the answer is larger than {MAX_REPLY_BYTES:,} bytes")
            media_type = reply.headers.get("Content-Type", "").split(";")[0].strip().lower()
            return Reply(reply.status_code, b"".join(chunks), media_type, _wait_s(reply.headers.get("Retry-After", "")))

    @contextmanager
    def _call(self, timeout_s: float) -> Iterator[_Call]:
        call = _Call()
        with self._lock:
            self._calls.add(call)
            if self._closing.is_set():
                call.cut()
        watchdog = threading.Timer(timeout_s, call.expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield call
        finally:
            watchdog.cancel()
            with self._lock:
                self._calls.discard(call)


class _Call:
    """One request under way, and how to cut it from another thread: closing a client wakes no thread that reads."""

    def __init__(self) -> None:
        self.is_late = False
        self._is_cut = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Note the connection's socket; httpx tells of it here."""
        if event not in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_cut:
                self._shut()

    def expire(self) -> None:
        """Cut, because its time is up."""
        self.is_late = True
        self.cut()

    def cut(self) -> None:
        """Shut the connection in both directions, now or as soon as there is one."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            # Not `SSLSocket.shutdown`, which takes the TLS layer away under the thread that reads through it.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _checked(url: str) -> httpx.URL:
    """The server's base URL without its `/v1`, which some of its paths don't have."""
    try:
        parsed = httpx.URL(url.rstrip("/").removesuffix("/v1"))
    except httpx.InvalidURL:
        raise ConfigError("LLAVA_OCR_ENDPOINT_URL is no URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError("LLAVA_OCR_ENDPOINT_URL must begin with http:// or https:// and name a host")
    if parsed.query or parsed.fragment:
        raise ConfigError("LLAVA_OCR_ENDPOINT_URL must end with the path: no ? and no #; a key has its own setting")
    return parsed


def _credentials(base: httpx.URL, key: str) -> dict[str, str]:
    """The header that says who asks: a key, or the name and password in the URL."""
    if not (key.isascii() and key.isprintable()):
        raise ConfigError("LLAVA_OCR_ENDPOINT_KEY holds a character that no key has, such as a line break")
    if key and base.userinfo:
        raise ConfigError("give LLAVA_OCR_ENDPOINT_KEY or a name and password in LLAVA_OCR_ENDPOINT_URL, not both")
    if base.userinfo:
        said = base64.b64encode(unquote(base.userinfo.decode("ascii")).encode()).decode("ascii")
        return {"Authorization": f"Basic {said}"}
    return {"Authorization": f"Bearer {key}"} if key else {}


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
