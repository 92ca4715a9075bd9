"""A model behind an OpenAI-compatible server: vLLM, Ollama, LM Studio. The only door to httpx.

A request that timed out is not sent again: the server may still be at work on it, and a second copy would be paid for
twice. Closing the connection is how these servers are told to stop.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from PIL import Image

from llava_ocr.engines.base import Completion, EngineProfile, Request, StopReason
from llava_ocr.engines.dialects import Dialect, dialect_named
from llava_ocr.errors import (
    ConfigError,
    EngineError,
    EngineTimeout,
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


def open_endpoint(settings: Settings) -> EndpointEngine:
    """Open the server that the settings name. Raises ConfigError; connects when first asked."""
    if not settings.endpoint_url or not settings.endpoint_model:
        raise ConfigError("the endpoint engine needs LLAVA_OCR_ENDPOINT_URL and LLAVA_OCR_ENDPOINT_MODEL")
    if httpx.URL(settings.endpoint_url).scheme not in ("http", "https"):
        raise ConfigError("LLAVA_OCR_ENDPOINT_URL must begin with http:// or https://")
    key = settings.endpoint_key.get_secret_value()
    client = httpx.Client(
        base_url=settings.endpoint_url.rstrip("/").removesuffix("/v1"),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(settings.engine_timeout_s, connect=10.0),
        limits=httpx.Limits(max_connections=settings.endpoint_concurrency),
    )
    return EndpointEngine(
        client,
        dialect=dialect_named(settings.endpoint_dialect),
        model=settings.endpoint_model,
        concurrency=settings.endpoint_concurrency,
    )


class EndpointEngine:
    """Asks a server, at most `concurrency` requests at once. `sleep` waits between attempts."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        dialect: Dialect,
        model: str,
        concurrency: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._dialect = dialect
        self._model = model
        self._sleep = sleep
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="endpoint")
        identity = f"{model}\n{dialect.name}\ntemperature 0"
        self._profile = EngineProfile(
            name=f"{dialect.name}:{model}",
            fingerprint=hashlib.sha256(identity.encode()).hexdigest()[:16],
            tile_px=336,
            patches_per_side=24,
            # Servers cut and tile by themselves, and refuse what is too long in their own words.
            context_tokens=1_000_000,
            grids=DOCUMENT_GRIDS,
            anchored_grids=(Grid(2, 2), Grid(2, 3), Grid(3, 2), Grid(3, 3)),
            takes_grammar=dialect.takes_grammar,
        )

    @property
    def profile(self) -> EngineProfile:
        """What pages are prepared for."""
        return self._profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order. Raises EngineUnavailable when the server answers none of them."""
        completions = list(self._pool.map(self._answer, requests))
        errors = [completion.error for completion in completions]
        unreachable = [error for error in errors if isinstance(error, EngineUnavailable)]
        if unreachable and len(unreachable) == len(requests):
            raise unreachable[0]
        return completions

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _answer(self, request: Request) -> Completion:
        try:
            images = [encode(raster) for raster in request.rasters]
            body = self._dialect.body(request, model=self._model, images=images)
            return self._dialect.completion(request, self._ask(request, json.dumps(body).encode()))
        except ExtractionError as error:
            return Completion(request.id, "", StopReason.CANCELLED, 0, 0, error=error)

    def _ask(self, request: Request, body: bytes) -> dict[str, object]:
        for attempt in range(MAX_ATTEMPTS):
            response = self._post(request, body)
            is_busy = response.status_code in (429, 503)
            if not is_busy or attempt == MAX_ATTEMPTS - 1:
                break
            self._sleep(_wait_s(response, attempt))
        self._refuse(request, response)
        try:
            answer = response.json()
        except ValueError:
            raise EngineError(f"request {request.id}: {self._profile.name} sent no JSON") from None
        if not isinstance(answer, dict):
            raise EngineError(f"request {request.id}: {self._profile.name} sent JSON of another form")
        return answer

    def _post(self, request: Request, body: bytes) -> httpx.Response:
        where = f"request {request.id}: {self._profile.name} at {self._client.base_url.host}"
        try:
            return self._client.post(self._dialect.path, content=body, headers={"Content-Type": "application/json"})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise EngineUnavailable(f"{where} can't be reached") from None
        except httpx.TimeoutException:
            raise EngineTimeout(f"{where} did not answer in time") from None
        except httpx.HTTPError as error:
            raise EngineError(f"{where}: the connection broke ({type(error).__name__})") from None

    def _refuse(self, request: Request, response: httpx.Response) -> None:
        """Raise for a status that is no answer. The server's text can quote the prompt, so it is not repeated."""
        where = f"request {request.id}: {self._profile.name}"
        status = response.status_code
        if status == 404:
            raise ModelNotFound(f"{where}: the server does not know this model or path")
        if status in (401, 403):
            raise EngineError(f"{where}: the server refuses the key; check LLAVA_OCR_ENDPOINT_KEY")
        if status == 413 or (status == 400 and "context length" in response.text):
            raise PromptTooLong(f"{where}: the server says that the prompt is too long")
        if status in (429, 503):
            raise EngineUnavailable(f"{where}: the server is busy, asked {MAX_ATTEMPTS} times")
        if status >= 400:
            raise EngineError(f"{where}: the server answered {status}")


def encode(raster: TiledRaster) -> str:
    """A page as a base64 PNG, tiles put together again."""
    buffer = io.BytesIO()
    Image.fromarray(raster.stitched()).save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _wait_s(response: httpx.Response, attempt: int) -> float:
    try:
        asked = float(response.headers.get("Retry-After", ""))
    except ValueError:
        asked = float(2**attempt)
    return min(max(asked, 0.0), MAX_WAIT_S)
