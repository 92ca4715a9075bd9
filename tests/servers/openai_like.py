"""A real HTTP server that answers as vLLM, Ollama and LM Studio do, and misbehaves on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class OpenAiLike:
    """What the server does: `faults` are used up first, one a request; then `text` is answered."""

    text: str = '{"title":null}'
    model: str = "llava"
    max_body_bytes: int = 10_000_000
    faults: list[Callable[[], Reply | None]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    num_at_once: int = 0
    max_at_once: int = 0
    delay_s: float = 0.0
    url: str = ""
    times_s: list[float] = field(default_factory=list)
    gets_hang: bool = False
    get_reply: tuple[int, str, bytes] = (404, "text/plain", b"")

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request as open, for `delay_s` at least."""
        with self.lock:
            self.num_at_once += 1
            self.max_at_once = max(self.max_at_once, self.num_at_once)
        time.sleep(self.delay_s)
        try:
            yield
        finally:
            with self.lock:
                self.num_at_once -= 1

    def reply(self, path: str, body: dict[str, Any]) -> Reply | None:
        with self.lock:
            self.bodies.append(body)
            self.paths.append(path)
            self.times_s.append(time.monotonic())
            fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            return fault()
        if body["model"] != self.model:
            return 404, {}, b'{"error":{"message":"no such model"}}'
        if len(json.dumps(body)) > self.max_body_bytes:
            return 400, {}, b'{"error":{"message":"This model\'s maximum context length is 60 tokens"}}'
        answer = self._ollama(body) if path == "/api/chat" else self._openai(body)
        return 200, {}, json.dumps(answer).encode()

    def _openai(self, body: dict[str, Any]) -> dict[str, Any]:
        choice: dict[str, Any] = {"message": {"role": "assistant", "content": self.text}, "finish_reason": "stop"}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": self._tokens()}
        return {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}

    def _ollama(self, body: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text}
        answer = {"message": message, "done": True, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7}
        return answer | ({"logprobs": self._tokens()} if body.get("logprobs") else {})

    def _tokens(self) -> list[dict[str, Any]]:
        """One token a character, and the stop token that vLLM adds."""
        return [{"token": c, "logprob": -0.1} for c in [*self.text, "</s>"]]


def status(code: int, **headers: str) -> Callable[[], Reply]:
    return lambda: (
        code,
        {name.replace("_", "-"): value for name, value in headers.items()},
        b'{"error":"secret page text"}',
    )


def raw(body: bytes, code: int = 200, media_type: str = "application/json") -> Callable[[], Reply]:
    return lambda: (code, {"Content-Type": media_type}, body)


def drip(body: bytes, *, every_s: float) -> Callable[[], Reply]:
    """Send the body a byte at a time."""
    return lambda: (200, {"X-Drip": str(every_s)}, body)


def drip_headers(*, every_s: float) -> Callable[[], Reply]:
    """Send one header after another."""
    return lambda: (200, {"X-Drip-Headers": str(every_s)}, b"{}")


def cut_off() -> None:
    """Close the connection in the middle of the answer."""
    return


@contextmanager
def serving(like: OpenAiLike) -> Iterator[OpenAiLike]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if like.gets_hang:
                time.sleep(1.2)
            code, media_type, payload = like.get_reply
            self.send_response(code)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            like.headers.append(dict(self.headers))
            # Counted until the answer is known, not until it is sent: the client may be quicker than this thread.
            with like.counted():
                reply = like.reply(self.path, body)
            if reply is None:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"choices"')
                return
            code, headers, payload = reply
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(payload))}.items():
                self.send_header(name, value)
            with suppress(BrokenPipeError, ConnectionResetError):
                for number in range(200 if "X-Drip-Headers" in headers else 0):
                    self.send_header(f"X-More-{number}", "1")
                    self.flush_headers()
                    time.sleep(float(headers["X-Drip-Headers"]))
                self.end_headers()
            every_s = float(headers.get("X-Drip", 0))
            with suppress(BrokenPipeError, ConnectionResetError):
                for piece in [payload[i : i + 1] for i in range(len(payload))] if every_s else [payload]:
                    self.wfile.write(piece)
                    time.sleep(every_s)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    like.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield like
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
