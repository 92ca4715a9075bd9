"""Questions to an engine that speaks: each page is asked, held to its words; or one page, in the engine's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llava_ocr.asking.answers import Answer, AnswerState, Manner, failed
from llava_ocr.asking.heard import Heard, conclude
from llava_ocr.asking.putting import ASKING_VERSION, put_question
from llava_ocr.asking.relevance import relevance
from llava_ocr.constrain.lark import build_grammar, shape_only
from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request, StopReason
from llava_ocr.grounding.read import AnsweredPage, ByRules, read_record
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.schema import DocumentSchema, Text, fingerprint, read, tree
from llava_ocr.windows import fault_of

# A quoted answer is a few words; a free one a paragraph.
HELD_TOKENS, FREE_TOKENS = 160, 400


class PageAnswer(DocumentSchema):
    """An answer in words of the page."""

    answer: Text | None = read("Words of the page that answer the question")


_FINGERPRINT = fingerprint(PageAnswer, prompt_version=f"asking-{ASKING_VERSION}")
HELD = Question(PageAnswer, tree(PageAnswer), _FINGERPRINT, _FINGERPRINT, HELD_TOKENS)


def hold(question: str, page: PageRead, *, num_pages: int, profile: EngineProfile) -> Request:
    """Ask one page, whose words the answer is held to."""
    assert page.raster is not None, page.outcome
    index = page.outcome.page_index
    layout = page.layout if profile.takes_words else None
    prompt = put_question(question, layout, manner=Manner.HELD, page_index=index, num_pages=num_pages)
    grammar = build_grammar(HELD.root, page.layout) if profile.takes_grammar else shape_only(HELD.root)
    return Request(f"page {index}", prompt, (page.raster,), grammar, HELD.max_new_tokens)


def heard_of(page: PageRead, completion: Completion) -> Heard:
    """What a page answered: grounded in its words, or an error."""
    index = page.outcome.page_index
    error = fault_of(completion, HELD.root, ByRules())
    if error is not None:
        return Heard(index, error=error)
    [reading] = read_record(PageAnswer, [AnsweredPage(index, page.layout, page.reader, completion)]).fields
    return Heard(index, reading, page.layout)


class HeldInterview:
    """Asks every page every question; the questions of a page stand together, so that it is read once."""

    def __init__(self, questions: Sequence[str], engine: Engine, *, num_pages: int, document_id: str = "") -> None:
        self._questions, self._engine, self._num_pages = questions, engine, num_pages
        self._document_id = document_id
        self._heard: list[list[Heard]] = [[] for _ in questions]

    def hear(self, pages: Sequence[PageRead]) -> None:
        """Ask these pages."""
        profile = self._engine.profile
        asked = [(page, number) for page in pages for number in range(len(self._questions))]
        requests = [hold(self._questions[n], page, num_pages=self._num_pages, profile=profile) for page, n in asked]
        requests = [replace(request, document_id=self._document_id) for request in requests]
        for (page, number), completion in zip(asked, self._engine.complete(requests), strict=True):
            self._heard[number].append(heard_of(page, completion))

    def answers(self) -> list[Answer]:
        """The answers of all pages together."""
        return [conclude(question, heard) for question, heard in zip(self._questions, self._heard, strict=True)]


class FreeInterview:
    """Asks, for each question, the one page that has most to do with it, and takes the engine's own words."""

    def __init__(self, questions: Sequence[str], engine: Engine, *, num_pages: int, document_id: str = "") -> None:
        self._questions, self._engine, self._num_pages = questions, engine, num_pages
        self._document_id = document_id
        self._best: list[tuple[float, PageRead] | None] = [None for _ in questions]

    def hear(self, pages: Sequence[PageRead]) -> None:
        """Keep the page that fits each question best so far."""
        for number, question in enumerate(self._questions):
            for page in pages:
                fit, best = relevance(question, page.layout), self._best[number]
                if best is None or fit > best[0]:
                    self._best[number] = (fit, page)

    def answers(self) -> list[Answer]:
        """Ask the pages that were kept."""
        pages = [best[1] for best in self._best if best is not None]
        requests = [self._request(one, page) for one, page in zip(self._questions, pages, strict=True)]
        completions = self._engine.complete(requests)
        return [
            free_answer(one, completion, page_index=page.outcome.page_index)
            for one, page, completion in zip(self._questions, pages, completions, strict=True)
        ]

    def _request(self, question: str, page: PageRead) -> Request:
        assert page.raster is not None, page.outcome
        index = page.outcome.page_index
        layout = page.layout if self._engine.profile.takes_words else None
        prompt = put_question(question, layout, manner=Manner.FREE, page_index=index, num_pages=self._num_pages)
        return Request(f"page {index}", prompt, (page.raster,), None, FREE_TOKENS, document_id=self._document_id)


def free_answer(question: str, completion: Completion, *, page_index: int) -> Answer:
    """An engine's own words as an answer."""
    if completion.error is not None:
        return failed(question, completion.error)
    is_cut = completion.stop_reason is not StopReason.END
    message = "the model's own words, not evidenced" + ("; cut at the limit of tokens" if is_cut else "")
    return Answer(question, AnswerState.FREE, completion.text.strip(), page_index=page_index, message=message)
