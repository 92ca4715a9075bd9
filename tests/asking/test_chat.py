"""Conversations: what was said stays known until it no longer fits, and then that is said."""

from __future__ import annotations

from pathlib import Path

from llava_ocr.asking.answers import AnswerState
from llava_ocr.asking.chat import FieldChat, SpokenChat, open_chat
from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import Completion, Request, StopReason
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import EngineTimeout, PromptTooLong
from llava_ocr.prompts import IMAGE_MARK, WORDS_HEADING
from tests.asking.scripts import FILLING, INVOICE, pages_of


class Narrow(ScriptedEngine):
    """An engine whose context holds so many turns."""

    def __init__(self, num_turns: int) -> None:
        super().__init__(lambda request: f"{len(request.prompt.history)} known")
        self.num_turns = num_turns
        self.asked: list[Request] = []

    def _answer(self, request: Request) -> Completion:
        self.asked.append(request)
        if len(request.prompt.history) >= self.num_turns:
            return Completion(request.id, "", StopReason.CANCELLED, 0, 0, error=PromptTooLong("too long"))
        return super()._answer(request)


def spoken(folder: Path, engine: ScriptedEngine) -> SpokenChat:
    [page] = pages_of(folder, INVOICE)
    return SpokenChat(page, engine, num_pages=1)


def test_each_turn_knows_those_before_it(tmp_path: Path) -> None:
    chat = spoken(tmp_path, Narrow(10))
    assert [chat.say(f"q{n}").answer.text for n in range(3)] == ["0 known", "1 known", "2 known"]


def test_what_no_longer_fits_is_dropped_and_told(tmp_path: Path) -> None:
    engine = Narrow(2)
    chat = spoken(tmp_path, engine)
    replies = [chat.say(f"q{number}") for number in range(1, 5)]
    assert [reply.dropped for reply in replies] == [(), (), (1,), (2,)]
    assert [reply.answer.text for reply in replies] == ["0 known", "1 known", "1 known", "1 known"]
    history = engine.asked[-1].prompt.history
    assert [turn.asked.splitlines()[-1] for turn in history] == ["q3"]


def test_the_page_stays_first_whatever_is_dropped(tmp_path: Path) -> None:
    engine = Narrow(2)
    chat = spoken(tmp_path, engine)
    for number in range(4):
        chat.say(f"q{number}")
    openings = {request.prompt.opening.rsplit("\n", 1)[0] for request in engine.asked}
    assert len(openings) == 1
    [opening] = openings
    assert opening.startswith(IMAGE_MARK) and "4711" in opening and WORDS_HEADING not in opening


def test_a_turn_that_fits_not_even_alone_fails_and_is_forgotten(tmp_path: Path) -> None:
    engine = Narrow(1)
    chat = spoken(tmp_path, engine)
    engine.num_turns = 0
    reply = chat.say("q1")
    assert (reply.answer.state, reply.answer.reason) == (AnswerState.FAILED, "PromptTooLong")
    engine.num_turns = 1
    assert chat.say("q2").answer.text == "0 known"


def test_an_answer_cut_for_lack_of_room_makes_room(tmp_path: Path) -> None:
    class Short(Narrow):
        def _answer(self, request: Request) -> Completion:
            if request.prompt.history:
                return Completion(request.id, "cut of", StopReason.LENGTH, 900, 3)
            return super()._answer(request)

    chat = spoken(tmp_path, Short(9))
    chat.say("q1")
    assert chat.say("q2").dropped == (1,)


def test_a_failed_turn_is_not_part_of_what_follows(tmp_path: Path) -> None:
    late = {"turn 2": EngineTimeout("late")}
    engine = ScriptedEngine(lambda request: f"{len(request.prompt.history)}", failures=late)
    chat = spoken(tmp_path, engine)
    assert chat.say("q1").answer.text == "0"
    assert chat.say("q2").answer.reason == "EngineTimeout"
    assert chat.say("q3").answer.reason == "EngineTimeout"


def test_an_engine_that_fills_fields_refuses_to_talk(tmp_path: Path) -> None:
    engine = ScriptedEngine(profile=FILLING)
    chat = open_chat(pages_of(tmp_path, INVOICE), engine, page_index=0, catalog=Catalog())
    assert isinstance(chat, FieldChat)
    answer = chat.say("Tell me a joke").answer
    assert answer.state is AnswerState.ABSENT
    assert "can't converse" in answer.message


def test_an_engine_that_speaks_is_shown_the_page_that_is_asked_for(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: str("Second" in request.prompt.opening), profile=PROFILE)
    chat = open_chat(pages_of(tmp_path, "First", "Second"), engine, page_index=1, catalog=Catalog())
    assert chat.say("which?").answer.text == "True"
