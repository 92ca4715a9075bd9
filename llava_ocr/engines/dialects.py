"""How each OpenAI-compatible server takes a schema and gives an answer. Pure: bodies in, completions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Completion, Request, StopReason
from llava_ocr.engines.logprobs import trace
from llava_ocr.errors import BadReply, ConfigError, EngineError
from llava_ocr.models.chat import TURN_MARKS, defused
from llava_ocr.prompts import IMAGE_MARK, Prompt

Body = dict[str, Any]

# These servers cut and tile by themselves, and refuse what is too long in their own words.
UNBOUNDED_TOKENS = 1_000_000
# What a page takes: its picture in the largest usual grid, its words, and the answer.
OLLAMA_TOKENS = 16_384
_OLLAMA_IMAGE = "[img-"


class Dialect(Protocol):
    """One kind of server."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    @property
    def path(self) -> str:
        """Where it is asked, below the base URL without its `/v1`."""
        ...

    @property
    def takes_grammar(self) -> bool:
        """Whether it holds answers to the page's words, not only to the schema's shape."""
        ...

    @property
    def context_tokens(self) -> int:
        """How long a prompt and its answer may be."""
        ...

    @property
    def names_its_model(self) -> bool:
        """Whether its answer names the model that really answered, which may be another than was asked."""
        ...

    def body(self, request: Request, *, model: str, images: list[str]) -> Body:
        """Write the question; `images` are base64 PNGs in the order of the prompt's marks."""
        ...

    @property
    def limit(self) -> str:
        """The key of a question without which answers may go on to the context's end; empty if there is none such."""
        ...

    def completion(self, request: Request, answer: Mapping[str, Any]) -> Completion:
        """Read the answer. Raises BadReply where it is not of the server's form, EngineError where it was given up."""
        ...


@dataclass(frozen=True)
class OpenAi:
    """Chat completions with `response_format`, as OpenAI, LM Studio and most servers take it."""

    name: str = "openai"
    path: str = "/v1/chat/completions"
    takes_grammar: bool = False
    gives_logprobs: bool = True
    names_its_model: bool = False
    limit: str = "max_tokens"
    context_tokens: int = UNBOUNDED_TOKENS

    def body(self, request: Request, *, model: str, images: list[str]) -> Body:
        """Write the question."""
        body: Body = {
            "model": model,
            "messages": _messages(request, images),
            "max_tokens": request.max_new_tokens,
            "temperature": 0,
            "stream": False,
        }
        if self.gives_logprobs:
            body["logprobs"] = True
        if request.grammar is not None:
            body |= self.constraint(request.grammar)
        return body

    def constraint(self, grammar: Grammar) -> Body:
        """How the schema is told."""
        schema = {"name": "record", "strict": True, "schema": grammar.json_schema}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}

    def completion(self, request: Request, answer: Mapping[str, Any]) -> Completion:
        """Read the answer."""
        choice = _first(answer.get("choices"))
        text = _text(choice, self.name)
        usage = _mapping(answer.get("usage"))
        return Completion(
            request_id=request.id,
            text=text,
            stop_reason=_stop_reason(choice.get("finish_reason"), self.name),
            num_prompt_tokens=_count(usage, "prompt_tokens"),
            num_new_tokens=_count(usage, "completion_tokens"),
            trace=trace(_mapping(choice.get("logprobs")).get("content"), text),
        )


@dataclass(frozen=True)
class Vllm(OpenAi):
    """vLLM: `structured_outputs` with a JSON schema (0.12 took away `guided_json`, which stood for it before).

    Its log-probabilities are those before the grammar's mask, unless it is started with `--logprobs-mode
    processed_logprobs`. With `--structured-outputs-config.backend guidance` it takes the whole grammar, the page's
    words included (`vllm-guidance`).
    """

    name: str = "vllm"

    def constraint(self, grammar: Grammar) -> Body:
        """How the schema is told."""
        return {"structured_outputs": {"json": grammar.json_schema}}


@dataclass(frozen=True)
class VllmGuidance(Vllm):
    """vLLM whose structured-output backend is llguidance: the extractive grammar itself is sent.

    llguidance takes it for Lark, not for GBNF, by the line that begins with `start:`.
    """

    name: str = "vllm-guidance"
    takes_grammar: bool = True

    def constraint(self, grammar: Grammar) -> Body:
        """How the schema is told."""
        return {"structured_outputs": {"grammar": grammar.lark}}


@dataclass(frozen=True)
class LmStudio(OpenAi):
    """LM Studio: `response_format`, no log-probabilities. Asked for a model it does not know, it may take another."""

    name: str = "lmstudio"
    gives_logprobs: bool = False
    names_its_model: bool = True


@dataclass(frozen=True)
class Ollama:
    """Ollama's own chat interface, whose `format` is the JSON schema and whose images stand beside the text.

    Left to itself it takes a context of a few thousand tokens and silently drops the beginning of what is longer, so
    the context is asked for and dropping refused. Always the same context: another one loads the model again.
    """

    name: str = "ollama"
    path: str = "/api/chat"
    takes_grammar: bool = False
    names_its_model: bool = False
    # Measures the prompt alone against the context.
    limit: str = ""
    context_tokens: int = OLLAMA_TOKENS

    def body(self, request: Request, *, model: str, images: list[str]) -> Body:
        """Write the question."""
        # Its own marks for images would be looked up among this request's.
        prompt = _defused(request, _OLLAMA_IMAGE)
        user: Body = {"role": "user", "content": prompt.opening.replace(IMAGE_MARK, "").lstrip(), "images": images}
        options = {"temperature": 0, "num_predict": request.max_new_tokens, "num_ctx": self.context_tokens}
        body: Body = {
            "model": model,
            "messages": [*_system(request), user, *_later(prompt)],
            "stream": False,
            "truncate": False,
            "shift": False,
            "logprobs": True,
            "options": options,
        }
        return body | ({"format": request.grammar.json_schema} if request.grammar is not None else {})

    def completion(self, request: Request, answer: Mapping[str, Any]) -> Completion:
        """Read the answer."""
        text = _text(answer, self.name)
        return Completion(
            request_id=request.id,
            text=text,
            stop_reason=_stop_reason(answer.get("done_reason"), self.name),
            num_prompt_tokens=_count(answer, "prompt_eval_count"),
            num_new_tokens=_count(answer, "eval_count"),
            trace=trace(answer.get("logprobs"), text),
        )


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (OpenAi(), Vllm(), VllmGuidance(), LmStudio(), Ollama())
}


def dialect_named(name: str) -> Dialect:
    """Return a dialect. Raises ConfigError, which lists those there are."""
    if name not in DIALECTS:
        raise ConfigError(f"no dialect {name!r}; there are {', '.join(DIALECTS)}")
    return DIALECTS[name]


def _messages(request: Request, images: list[str]) -> list[Body]:
    """The prompt as content parts: text and images in the order of the prompt's marks."""
    prompt = _defused(request)
    texts = prompt.opening.split(IMAGE_MARK)
    parts: list[Body] = []
    for number, text in enumerate(texts):
        if number:
            parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{images[number - 1]}"}})
        if text.strip():
            parts.append({"type": "text", "text": text.strip("\n")})
    return [*_system(request), {"role": "user", "content": parts}, *_later(prompt)]


def _later(prompt: Prompt) -> list[Body]:
    """The turns after the first."""
    questions = [*(turn.asked for turn in prompt.history[1:]), prompt.user]
    turns = zip(prompt.history, questions, strict=False)
    roles = ((("assistant", turn.answered), ("user", question)) for turn, question in turns)
    return [{"role": role, "content": text} for pair in roles for role, text in pair]


def _defused(request: Request, *marks: str) -> Prompt:
    """The prompt with what a page printed like a mark of a turn, or of an image, broken up.

    Servers write the turns themselves and then read marks wherever they stand. Which family's the model takes is not
    known here, so all are broken.
    """
    return defused(request.prompt, [*TURN_MARKS, *marks], num_images=len(request.rasters))


def _system(request: Request) -> list[Body]:
    return [{"role": "system", "content": request.prompt.system}] if request.prompt.system else []


def _first(choices: object) -> Mapping[str, Any]:
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise BadReply("the answer holds no choice")
    return choices[0]


def _text(holder: Mapping[str, Any], server: str) -> str:
    """The text of the message in an answer or choice. Raises BadReply where there is none that can be stored."""
    text = _mapping(holder.get("message")).get("content")
    if not isinstance(text, str):
        raise BadReply(f"{server}: the answer holds no text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadReply(f"{server}: the answer's text is not Unicode") from None
    return text


def _stop_reason(said: object, server: str) -> StopReason:
    if said == "length":
        return StopReason.LENGTH
    if said in ("stop", "eos", "eos_token", None):
        return StopReason.END
    raise EngineError(f"{server}: the server broke the answer off (filter, abort, or a tool call)")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(holder: Mapping[str, Any], name: str) -> int:
    value = holder.get(name)
    return value if isinstance(value, int) else 0
