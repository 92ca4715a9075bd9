"""Real HTTP servers that speak as vLLM, Ollama and LM Studio do: their paths, their checks, their refusals, their
log-probabilities; and, as those, they stop generating when the client is gone.

What each of them accepts and answers is from its own documentation and source, as of November 2026.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tests.servers.generator import freely, of_lark, of_schema

Body = dict[str, Any]
Answer = tuple[int, object]


class Gone(Exception):
    """The client hung up."""


@dataclass
class Inference:
    """What all of them share. `wish` is what the model would say; `token_s` how long a token takes."""

    wish: str = '{"title":"One two"}'
    model: str = "llava"
    key: str = ""
    token_s: float = 0.0
    context_tokens: int = 4096
    prompt_tokens: int = 2900
    # An old version, or one whose backend lacks the means, takes no notice of constraints.
    is_deaf: bool = False
    url: str = ""
    bodies: list[Body] = field(default_factory=list)
    num_said: int = 0
    num_hung_up: int = 0
    clients: set[tuple[str, int]] = field(default_factory=set)
    num_at_once: int = 0
    max_at_once: int = 0

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    def say(self, letters: Iterator[str], limit: int | None, client: socket.socket) -> tuple[list[str], str]:
        """Generate, a letter a token, watching the client; the tokens and why they ended."""
        said: list[str] = []
        room = self.context_tokens - self.prompt_tokens
        with self.counted():
            for letter in letters:
                if len(said) == (room if limit is None else min(limit, room)):
                    return said, "length"
                time.sleep(self.token_s)
                if _is_gone(client):
                    with self.lock:
                        self.num_hung_up += 1
                    raise Gone
                said.append(letter)
                with self.lock:
                    self.num_said += 1
        return said, "stop"

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.lock:
            self.num_at_once += 1
            self.max_at_once = max(self.max_at_once, self.num_at_once)
        try:
            yield
        finally:
            with self.lock:
                self.num_at_once -= 1

    def get(self, path: str) -> Answer:
        raise NotImplementedError

    def post(self, path: str, body: Body, client: socket.socket) -> Answer:
        raise NotImplementedError


class VllmLike(Inference):
    """vLLM with the guidance backend; `has_guidance=False` is one with xgrammar, which knows no Lark."""

    kind = "vLLM"
    has_guidance = True

    def get(self, path: str) -> Answer:
        if path == "/version":
            return 200, {"version": "0.25.0"}
        if path == "/v1/models":
            card = {"id": self.model, "object": "model", "owned_by": "vllm", "max_model_len": self.context_tokens}
            return 200, {"object": "list", "data": [card]}
        return 404, {"detail": "Not Found"}

    def post(self, path: str, body: Body, client: socket.socket) -> Answer:
        if path != "/v1/chat/completions":
            return 404, {"detail": "Not Found"}
        if body["model"] != self.model:
            return 404, _error(f"The model `{body['model']}` does not exist.", "NotFoundError", 404)
        limit = body.get("max_tokens")
        if self.prompt_tokens + (limit or 1) > self.context_tokens:
            return 400, _error(
                f"This model's maximum context length is {self.context_tokens} tokens. However, you requested {limit} "
                f"output tokens and your prompt contains {self.prompt_tokens} input tokens.",
                "BadRequestError",
                400,
            )
        orders = body.get("structured_outputs") or {}
        if len(orders) > 1:
            return 400, _error("You can only use one kind of structured outputs constraint", "BadRequestError", 400)
        if "grammar" in orders and not self.has_guidance:
            return 400, _error("Invalid grammar specification.", "BadRequestError", 400)
        letters = freely(self.wish)
        if orders and not self.is_deaf:
            letters = (
                of_lark(orders["grammar"], self.wish) if "grammar" in orders else of_schema(orders["json"], self.wish)
            )
        said, why = self.say(letters, limit, client)
        return 200, _chat(self, body, said, why)


class LmStudioLike(Inference):
    """LM Studio 0.4: takes whatever model is loaded for one it does not know, and answers 200 to any path."""

    kind = "LM Studio"
    identifier = ""

    def get(self, path: str) -> Answer:
        if path == "/v1/models":
            card = {"id": self.model, "object": "model", "owned_by": "organization_owner"}
            return 200, {"object": "list", "data": [card]}
        if path == "/api/v1/models":
            loaded = [{"id": self.identifier or self.model}]
            return 200, {"models": [{"type": "llm", "key": self.model, "loaded_instances": loaded}]}
        return 200, {"error": f"Unexpected endpoint or method. (GET {path})"}

    def post(self, path: str, body: Body, client: socket.socket) -> Answer:
        if path != "/v1/chat/completions":
            return 200, {"error": f"Unexpected endpoint or method. (POST {path})"}
        form = body.get("response_format")
        if form is not None and form["type"] not in ("json_schema", "text"):
            return 400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}
        letters = freely(self.wish)
        if form is not None and not self.is_deaf:
            letters = of_schema(form["json_schema"]["schema"], self.wish)
        said, why = self.say(letters, body.get("max_tokens"), client)
        answer = _chat(self, body | {"logprobs": False}, said, why)
        return 200, answer | {"model": self.model, "stats": {}, "system_fingerprint": self.model}


class OllamaLike(Inference):
    """Ollama: its own paths; a `format` that is the schema; refuses what it may not truncate."""

    kind = "Ollama"

    def get(self, path: str) -> Answer:
        if path == "/api/version":
            return 200, {"version": "0.13.0"}
        if path == "/api/tags":
            return 200, {"models": [{"name": f"{self.model}:latest", "model": f"{self.model}:latest"}]}
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": f"{self.model}:latest", "owned_by": "library"}]}
        return 404, "404 page not found"

    def post(self, path: str, body: Body, client: socket.socket) -> Answer:
        if path != "/api/chat":
            return 404, "404 page not found"
        if body["model"].removesuffix(":latest") != self.model:
            return 404, {"error": f"model '{body['model']}' not found"}
        for message in body["messages"]:
            for image in message.get("images", []):
                assert base64.b64decode(image, validate=True).startswith(b"\x89PNG")
        room = min(self.context_tokens, body["options"].get("num_ctx", 4096))
        if self.prompt_tokens > room and body.get("truncate") is False:
            return 400, {"error": "the input length exceeds the context length"}
        schema = body.get("format")
        letters = of_schema(schema, self.wish) if schema and not self.is_deaf else freely(self.wish)
        said, why = self.say(letters, body["options"].get("num_predict"), client)
        answer: Body = {"model": body["model"], "message": {"role": "assistant", "content": "".join(said)}}
        answer |= {"done": True, "done_reason": why, "prompt_eval_count": self.prompt_tokens, "eval_count": len(said)}
        return 200, answer | ({"logprobs": _logprobs(said)} if body.get("logprobs") else {})


KINDS = {"vllm": VllmLike, "vllm-guidance": VllmLike, "ollama": OllamaLike, "lmstudio": LmStudioLike}


def _chat(server: Inference, body: Body, said: list[str], why: str) -> Body:
    choice: Body = {"index": 0, "message": {"role": "assistant", "content": "".join(said)}, "finish_reason": why}
    choice["logprobs"] = (
        {"content": _logprobs([*said, "</s>"] if why == "stop" else said)} if body.get("logprobs") else None
    )
    usage = {"prompt_tokens": server.prompt_tokens, "completion_tokens": len(said)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


def _logprobs(said: list[str]) -> list[Body]:
    return [{"token": token, "logprob": -0.05, "bytes": list(token.encode()), "top_logprobs": []} for token in said]


def _error(message: str, kind: str, code: int) -> Body:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _is_gone(client: socket.socket) -> bool:
    readable, _, _ = select.select([client], [], [], 0)
    return bool(readable) and client.recv(1, socket.MSG_PEEK) == b""


@contextmanager
def generating(inference: Inference) -> Iterator[Inference]:
    """Serve on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(*(inference.get(self.path) if self._may() else (401, {"error": "Unauthorized"})))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with inference.lock:
                inference.bodies.append(body)
                inference.clients.add(self.client_address)
            with suppress(Gone, ConnectionError):
                may = self._may()
                self._send(*(inference.post(self.path, body, self.connection) if may else (401, {"error": "no"})))

        def _may(self) -> bool:
            return not inference.key or self.headers.get("Authorization") == f"Bearer {inference.key}"

        def _send(self, status: int, answer: object) -> None:
            payload = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    inference.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield inference
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
