"""How each OpenAI-compatible server takes a schema and gives an answer. Pure: bodies in, completions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Completion, Request, StopReason, TokenTrace
from llava_ocr.errors import ConfigError, EngineError
from llava_ocr.prompts import IMAGE_MARK

Body = dict[str, Any]


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

    def body(self, request: Request, *, model: str, images: list[str]) -> Body:
        """Write the question; `images` are base64 PNGs in the order of the prompt's marks."""
        ...

    def completion(self, request: Request, answer: Mapping[str, Any]) -> Completion:
        """Read the answer. Raises EngineError where it is not of the server's form."""
        ...


@dataclass(frozen=True)
class OpenAi:
    """Chat completions with `response_format`, as OpenAI, LM Studio and most servers take it."""

    name: str = "openai"
    path: str = "/v1/chat/completions"
    takes_grammar: bool = False
    gives_logprobs: bool = True

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
        message = choice.get("message")
        text = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(text, str):
            raise EngineError(f"{self.name}: the answer holds no text")
        usage = answer.get("usage")
        usage = usage if isinstance(usage, Mapping) else {}
        return Completion(
            request_id=request.id,
            text=text,
            stop_reason=StopReason.END if choice.get("finish_reason") == "stop" else StopReason.LENGTH,
            num_prompt_tokens=int(usage.get("prompt_tokens") or 0),
            num_new_tokens=int(usage.get("completion_tokens") or 0),
            trace=_trace(choice.get("logprobs"), text),
        )


@dataclass(frozen=True)
class Vllm(OpenAi):
    """vLLM: `structured_outputs` with a JSON schema. With `--structured-outputs-config.backend guidance` it takes the
    whole grammar, the page's words included (`vllm-guidance`)."""

    name: str = "vllm"

    def constraint(self, grammar: Grammar) -> Body:
        """How the schema is told."""
        return {"structured_outputs": {"json": grammar.json_schema}}


@dataclass(frozen=True)
class VllmGuidance(Vllm):
    """vLLM whose structured-output backend is llguidance: the extractive grammar itself is sent."""

    name: str = "vllm-guidance"
    takes_grammar: bool = True

    def constraint(self, grammar: Grammar) -> Body:
        """How the schema is told."""
        return {"structured_outputs": {"grammar": grammar.lark}}


@dataclass(frozen=True)
class LmStudio(OpenAi):
    """LM Studio: `response_format`, no log-probabilities."""

    name: str = "lmstudio"
    gives_logprobs: bool = False


@dataclass(frozen=True)
class Ollama:
    """Ollama's own chat interface, whose `format` is the JSON schema and whose images stand beside the text."""

    name: str = "ollama"
    path: str = "/api/chat"
    takes_grammar: bool = False

    def body(self, request: Request, *, model: str, images: list[str]) -> Body:
        """Write the question."""
        text = request.prompt.user.replace(IMAGE_MARK, "").lstrip()
        user: Body = {"role": "user", "content": text, "images": images}
        system = [{"role": "system", "content": request.prompt.system}] if request.prompt.system else []
        body: Body = {
            "model": model,
            "messages": [*system, user],
            "stream": False,
            "options": {"temperature": 0, "num_predict": request.max_new_tokens},
        }
        return body | ({"format": request.grammar.json_schema} if request.grammar is not None else {})

    def completion(self, request: Request, answer: Mapping[str, Any]) -> Completion:
        """Read the answer."""
        message = answer.get("message")
        text = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(text, str):
            raise EngineError("ollama: the answer holds no text")
        return Completion(
            request_id=request.id,
            text=text,
            stop_reason=StopReason.END if answer.get("done_reason", "stop") == "stop" else StopReason.LENGTH,
            num_prompt_tokens=int(answer.get("prompt_eval_count") or 0),
            num_new_tokens=int(answer.get("eval_count") or 0),
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
    texts = request.prompt.user.split(IMAGE_MARK)
    parts: list[Body] = []
    for number, text in enumerate(texts):
        if number:
            parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{images[number - 1]}"}})
        if text.strip():
            parts.append({"type": "text", "text": text.strip("\n")})
    system = [{"role": "system", "content": request.prompt.system}] if request.prompt.system else []
    return [*system, {"role": "user", "content": parts}]


def _first(choices: object) -> Mapping[str, Any]:
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise EngineError("the answer holds no choice")
    return choices[0]


def _trace(logprobs: object, text: str) -> TokenTrace:
    """The tokens of an answer, if the server tells them and they make up its text."""
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(tokens, list) or "".join(str(token.get("token")) for token in tokens) != text:
        return TokenTrace()
    ends, end = [], 0
    for token in tokens:
        end += len(str(token["token"]))
        ends.append(end)
    chances = tuple(float(token.get("logprob", 0.0)) for token in tokens)
    return TokenTrace(tuple(ends), chances, (False,) * len(tokens))
