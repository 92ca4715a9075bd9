"""A conversation about a document, turn by turn. What no longer fits the context is left out, and that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from llava_ocr.asking.answering import answer_questions, can_speak
from llava_ocr.asking.answers import Answer, AnswerState
from llava_ocr.asking.by_speech import FREE_TOKENS, free_answer
from llava_ocr.asking.putting import one_line, open_talk
from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import Completion, Engine, Request, StopReason
from llava_ocr.engines.conversing import open_conversation
from llava_ocr.errors import PromptTooLong
from llava_ocr.prompts import Exchange, Prompt
from llava_ocr.raster.base import PageRead


@dataclass(frozen=True)
class Reply:
    """What a turn came to. `dropped` are the turns, counted from 1, that left the context for this one."""

    turn: int
    answer: Answer
    dropped: tuple[int, ...] = ()


class Chat(Protocol):
    """A conversation about one document."""

    def say(self, text: str) -> Reply:
        """Take the next turn. Raises EngineError when the engine can answer nothing any more."""
        ...

    def close(self) -> None:
        """Give back what the engine keeps for the conversation."""
        ...


def open_chat(pages: Sequence[PageRead], engine: Engine, *, page_index: int, catalog: Catalog) -> Chat:
    """Begin to talk about a document: an engine that speaks sees one page of it, one that fills fields reads all."""
    if not can_speak(engine):
        return FieldChat(pages, engine, catalog)
    [page] = [page for page in pages if page.outcome.page_index == page_index]
    return SpokenChat(page, engine, num_pages=len(pages))


class SpokenChat:
    """Turns in the engine's own words about one page, which stands at the beginning of each prompt."""

    def __init__(self, page: PageRead, engine: Engine, *, num_pages: int) -> None:
        assert page.raster is not None, page.outcome
        layout = page.layout if engine.profile.takes_words else None
        self._index = page.outcome.page_index
        self._opening = open_talk(layout, page_index=self._index, num_pages=num_pages)
        self._rasters = (page.raster,)
        self._conversation = open_conversation(engine)
        self._turns: list[Exchange] = []
        self._num_dropped = 0

    def say(self, text: str) -> Reply:
        """Take the next turn, leaving the oldest ones out until it fits."""
        question, turn = one_line(text), len(self._turns) + 1
        first = self._num_dropped
        while True:
            completion = self._conversation.complete(self._request(question, turn))
            if not _is_crowded(completion) or self._num_dropped == len(self._turns):
                break
            self._num_dropped += 1
        answer = free_answer(question, completion, page_index=self._index)
        if answer.state is AnswerState.FREE:
            self._turns.append(Exchange(question, answer.text or ""))
        return Reply(turn, answer, tuple(range(first + 1, self._num_dropped + 1)))

    def close(self) -> None:
        """Give back what the engine keeps."""
        self._conversation.close()

    def _request(self, question: str, turn: int) -> Request:
        kept = self._turns[self._num_dropped :]
        asked = [*(exchange.asked for exchange in kept), question]
        asked[0] = f"{self._opening}\n{asked[0]}"
        history = tuple(replace(one, asked=text) for one, text in zip(kept, asked, strict=False))
        return Request(f"turn {turn}", Prompt(asked[-1], history=history), self._rasters, None, FREE_TOKENS)


class FieldChat:
    """Questions to an engine that only fills fields: each stands alone, and free talk is refused."""

    def __init__(self, pages: Sequence[PageRead], engine: Engine, catalog: Catalog) -> None:
        self._pages, self._engine, self._catalog = pages, engine, catalog
        self._num_turns = 0

    def say(self, text: str) -> Reply:
        """Answer a question for a printed value, or refuse."""
        self._num_turns += 1
        [answer] = answer_questions(self._pages, [one_line(text)], self._engine, catalog=self._catalog)
        if answer.state is AnswerState.ABSENT and not answer.field:
            name = self._engine.profile.name
            refusal = f"{name} can't converse, it finds values that are printed with a label: {answer.message}"
            answer = replace(answer, message=refusal)
        return Reply(self._num_turns, answer)

    def close(self) -> None:
        """Nothing is kept."""


def _is_crowded(completion: Completion) -> bool:
    """Whether the prompt left no room for a whole answer."""
    if completion.error is not None:
        return isinstance(completion.error, PromptTooLong)
    # Servers that count nothing say 0.
    return completion.stop_reason is StopReason.LENGTH and 0 < completion.num_new_tokens < FREE_TOKENS
