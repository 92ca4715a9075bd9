"""A model behind an OpenAI-compatible server: vLLM, Ollama, LM Studio. `dialects` knows how each is asked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from llava_ocr.engines.base import Completion, EngineProfile, Request, StopReason
from llava_ocr.engines.dialects import Body, Dialect, dialect_named
from llava_ocr.engines.endpoint_answers import held, unwrapped
from llava_ocr.engines.endpoint_kinds import recognize
from llava_ocr.engines.endpoint_refusals import is_about, is_busy, is_other_model, json_of, refuse
from llava_ocr.engines.server import Reply, Server
from llava_ocr.errors import (
    ConfigError,
    EngineDenied,
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

_LOG = logging.getLogger(__name__)

# A busy server that does not say how long to wait is asked again after this, then after twice this, and so on.
_FIRST_WAIT_S, _MAX_WAIT_S = 0.5, 30.0
# So that "Retry-After: 0" is no invitation to a storm.
_MIN_WAIT_S = 0.05
# What is wrong with the server and not with a request: where all fail so, the next will too.
_HOPELESS = (EngineUnavailable, EngineDenied, ModelNotFound)


def open_endpoint(settings: Settings) -> EndpointEngine:
    """Open the server that the settings name. Raises ConfigError; connects when first asked."""
    if not settings.endpoint_url or not settings.endpoint_model:
        raise ConfigError("the endpoint engine needs LLAVA_OCR_ENDPOINT_URL and LLAVA_OCR_ENDPOINT_MODEL")
    server, dialect = server_of(settings), dialect_named(settings.endpoint_dialect)
    concurrency = settings.endpoint_concurrency
    return EndpointEngine(
        server,
        dialect=dialect,
        model=settings.endpoint_model,
        concurrency=concurrency,
        max_pages=settings.pages_per_request or 1,
    )


def server_of(settings: Settings) -> Server:
    """The server that the settings name. Raises ConfigError."""
    return Server(
        settings.endpoint_url,
        key=settings.endpoint_key.get_secret_value(),
        timeout_s=settings.engine_timeout_s,
        max_connections=settings.endpoint_concurrency,
    )


class EndpointEngine:
    """Asks a server, at most `concurrency` requests at once, from however many threads `complete` is called."""

    def __init__(self, server: Server, *, dialect: Dialect, model: str, concurrency: int, max_pages: int = 1) -> None:
        self._server = server
        self._dialect = dialect
        self._model = model
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="endpoint")
        self._is_closed = threading.Event()
        self._warned: set[str] = set()
        self._refused: tuple[str, ...] = ()
        self._aliases: set[str] = set()
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
            max_pages=max_pages,
        )

    @property
    def profile(self) -> EngineProfile:
        """What pages are prepared for."""
        return self._profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order. Raises EngineUnavailable, EngineDenied or ModelNotFound when every request
        fails so: the server is not there, or refuses the key or the model."""
        if self._is_closed.is_set():
            raise EngineUnavailable(f"{self._profile.name}: the engine was closed")
        completions = list(self._pool.map(self._answer, requests))
        errors = [completion.error for completion in completions if completion.error is not None]
        if errors and len(errors) == len(completions):
            if all(isinstance(error, _HOPELESS) for error in errors):
                raise errors[0]
            if all(isinstance(error, EngineTimeout) for error in errors):
                self._check_pulse()
        return completions

    def close(self) -> None:
        """Cut the connections, by which the server is told to stop: requests under way end as unavailable."""
        self._is_closed.set()
        self._server.close()
        self._pool.shutdown()
        self._server.free()

    def _answer(self, request: Request) -> Completion:
        try:
            return self._checked(self._asked(request), request)
        except ExtractionError as error:
            return Completion(request.id, "", StopReason.CANCELLED, 0, 0, error=error)

    def _asked(self, request: Request) -> Completion:
        asking = f"request {request.id}: {self._profile.name}"
        if self._is_closed.is_set():
            raise EngineUnavailable(f"{asking}: given up, the engine was closed")
        images = [encode(raster) for raster in request.rasters]
        answer = self._ask(self._dialect.body(request, model=self._model, images=images), asking)
        if self._dialect.names_its_model:
            self._check_model(answer.get("model"), asking)
        return self._dialect.completion(request, answer)

    def _check_model(self, said: object, asking: str) -> None:
        """Raise ModelNotFound where another model answered because the server does not know ours; one that it knows
        may have a second name."""
        if not isinstance(said, str) or said in self._aliases:
            return
        if is_other_model(said, self._model) and not recognize(self._server).has(self._model):
            raise ModelNotFound(f"{asking}: the server answered with another model than it was asked for")
        self._aliases.add(said)

    def _checked(self, completion: Completion, request: Request) -> Completion:
        """Hold the answer to what the server was told to hold it to. Raises GrammarIgnored."""
        if request.grammar is None:
            return completion
        if self._profile.takes_grammar:
            return held(completion, request.grammar)
        answer = unwrapped(completion)
        if answer is not completion:
            self._warn("%s wraps its answers in text: it does not hold them to the schema", self._profile.name)
        return answer

    def _ask(self, body: Body, asking: str) -> Body:
        """Ask, and once more without what this server can't do or has no room for."""
        body = _less(body, *self._refused)
        reply = self._post(body, asking)
        if "logprobs" in body and is_about(reply, b"logprob"):
            self._warn("%s refuses to tell log-probabilities; confidence goes without them", self._profile.name)
            self._refused = ("logprobs",)
            body = _less(body, "logprobs")
            reply = self._post(body, asking)
        try:
            refuse(reply, asking, was_given_grammar=self._dialect.takes_grammar)
        except PromptTooLong:
            if self._dialect.limit not in body:
                raise
            # Prompt and longest answer together may be too long. What is left of the context is less than that answer.
            reply = self._post(_less(body, self._dialect.limit), asking)
            refuse(reply, asking, was_given_grammar=self._dialect.takes_grammar)
        return json_of(reply, asking)

    def _post(self, body: Body, asking: str) -> Reply:
        """Ask, and ask again where the server refused because it is busy: it has not begun then.

        All threads rest as long as the server asks one of them to; not longer, together, than an answer may take.
        """
        payload = json.dumps(body).encode()
        give_up = time.monotonic() + self._server.timeout_s
        usual_wait_s = _FIRST_WAIT_S
        while True:
            self._server.wait()
            reply = self._server.post(self._dialect.path, payload, asking=asking)
            wait_s = usual_wait_s if reply.wait_s is None else max(reply.wait_s, _MIN_WAIT_S)
            if not is_busy(reply) or time.monotonic() + wait_s > give_up:
                return reply
            self._server.rest(wait_s)
            usual_wait_s = min(2 * usual_wait_s, _MAX_WAIT_S)

    def _check_pulse(self) -> None:
        """Raise EngineUnavailable where the server answers nothing at all any more, so that no run waits for each page
        of thousands to time out."""
        try:
            self._server.get("/v1/models", asking=self._profile.name)
        except ExtractionError:
            raise EngineUnavailable(f"{self._profile.name}: the server hangs, it lists not even its models") from None

    def _warn(self, message: str, *values: object) -> None:
        """Say something once."""
        if message not in self._warned:
            self._warned.add(message)
            _LOG.warning(message, *values)


def _less(body: Body, *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}


def encode(raster: TiledRaster) -> str:
    """A page as a base64 PNG, tiles put together again."""
    buffer = io.BytesIO()
    Image.fromarray(raster.stitched()).save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
