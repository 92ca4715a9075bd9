"""A model behind an OpenAI-compatible server: vLLM, Ollama, LM Studio. `dialects` knows how each is asked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from llava_ocr.engines.base import Completion, EngineProfile, Request, StopReason
from llava_ocr.engines.dialects import Dialect, dialect_named
from llava_ocr.engines.server import Reply, Server
from llava_ocr.errors import (
    ConfigError,
    EngineDenied,
    EngineError,
    EngineUnavailable,
    ExtractionError,
    ModelNotFound,
    PromptTooLong,
)
from llava_ocr.geometry import Grid
from llava_ocr.settings import Settings
from llava_ocr.tiles.grid import DOCUMENT_GRIDS
from llava_ocr.tiles.tiled import TiledRaster

# A server that asks to wait is asked again this often, waiting no longer than this each time.
MAX_ATTEMPTS = 4
MAX_WAIT_S = 20.0
# What is wrong with the server and not with a request: where all fail so, the next will too.
_HOPELESS = (EngineUnavailable, EngineDenied, ModelNotFound)
# How servers word it in the body of a 400: vLLM and Ollama, llama.cpp, OpenAI.
_TOO_LONG = (b"context length", b"context size", b"context_length_exceeded")


def open_endpoint(settings: Settings) -> EndpointEngine:
    """Open the server that the settings name. Raises ConfigError; connects when first asked."""
    if not settings.endpoint_url or not settings.endpoint_model:
        raise ConfigError("the endpoint engine needs LLAVA_OCR_ENDPOINT_URL and LLAVA_OCR_ENDPOINT_MODEL")
    dialect = dialect_named(settings.endpoint_dialect)
    server = Server(
        settings.endpoint_url,
        key=settings.endpoint_key.get_secret_value(),
        timeout_s=settings.engine_timeout_s,
        max_connections=settings.endpoint_concurrency,
    )
    concurrency = settings.endpoint_concurrency
    return EndpointEngine(server, dialect=dialect, model=settings.endpoint_model, concurrency=concurrency)


class EndpointEngine:
    """Asks a server, at most `concurrency` requests at once."""

    def __init__(self, server: Server, *, dialect: Dialect, model: str, concurrency: int) -> None:
        self._server = server
        self._dialect = dialect
        self._model = model
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="endpoint")
        identity = f"{model}\n{dialect.name}\ntemperature 0"
        self._profile = EngineProfile(
            name=f"{dialect.name}:{model}",
            fingerprint=hashlib.sha256(identity.encode()).hexdigest()[:16],
            tile_px=336,
            patches_per_side=24,
            context_tokens=dialect.context_tokens,
            grids=DOCUMENT_GRIDS,
            anchored_grids=(Grid(2, 2), Grid(2, 3), Grid(3, 2), Grid(3, 3)),
            takes_grammar=dialect.takes_grammar,
        )

    @property
    def profile(self) -> EngineProfile:
        """What pages are prepared for."""
        return self._profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order. Raises EngineUnavailable, EngineDenied or ModelNotFound when every request
        fails so: the server is not there, or refuses the key or the model."""
        completions = list(self._pool.map(self._answer, requests))
        errors = [completion.error for completion in completions]
        if errors and all(isinstance(error, _HOPELESS) for error in errors):
            assert errors[0] is not None, completions
            raise errors[0]
        return completions

    def close(self) -> None:
        """Cut the connections: requests under way end as unavailable, and the server may stop working on them."""
        self._server.close()
        self._pool.shutdown(cancel_futures=True)
        self._server.free()

    def _answer(self, request: Request) -> Completion:
        try:
            images = [encode(raster) for raster in request.rasters]
            body = self._dialect.body(request, model=self._model, images=images)
            return self._dialect.completion(request, self._ask(request, json.dumps(body).encode()))
        except ExtractionError as error:
            return Completion(request.id, "", StopReason.CANCELLED, 0, 0, error=error)

    def _ask(self, request: Request, body: bytes) -> dict[str, object]:
        asking = f"request {request.id}: {self._profile.name}"
        reply = self._post(body, asking)
        _refuse(reply, asking)
        try:
            answer = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise EngineError(f"{asking} sent no JSON") from None
        if not isinstance(answer, dict):
            raise EngineError(f"{asking} sent JSON of another form")
        return answer

    def _post(self, body: bytes, asking: str) -> Reply:
        """Ask, and ask again where the server refused because it is busy: it has not begun then."""
        attempt = 1
        while True:
            reply = self._server.post(self._dialect.path, body, asking=asking)
            if reply.status not in (429, 503) or attempt == MAX_ATTEMPTS:
                return reply
            wait_s = float(2 ** (attempt - 1)) if reply.wait_s is None else reply.wait_s
            self._server.pause(min(wait_s, MAX_WAIT_S))
            attempt += 1


def encode(raster: TiledRaster) -> str:
    """A page as a base64 PNG, tiles put together again."""
    buffer = io.BytesIO()
    Image.fromarray(raster.stitched()).save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _refuse(reply: Reply, asking: str) -> None:
    """Raise for a status that is no answer. The server's text can quote the prompt, so it is not repeated."""
    status = reply.status
    if status == 404:
        raise ModelNotFound(f"{asking}: the server does not know this model or path")
    if status in (401, 403):
        raise EngineDenied(f"{asking}: the server refuses the key")
    if status == 413 or (status == 400 and any(words in reply.body.lower() for words in _TOO_LONG)):
        raise PromptTooLong(f"{asking}: the server says that the prompt is too long")
    if status in (429, 503):
        raise EngineUnavailable(f"{asking}: the server is busy, asked {MAX_ATTEMPTS} times")
    if status != 200:
        raise EngineError(f"{asking}: the server answered {status}")
