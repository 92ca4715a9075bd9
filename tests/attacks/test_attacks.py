"""Instructions on and in a document change no other field, leave no schema, and reach no log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from llava_ocr.asking.answering import answer_questions
from llava_ocr.asking.answers import Answer, AnswerState
from llava_ocr.catalog import Catalog
from llava_ocr.constrain.decoder import obeys
from llava_ocr.engines.base import Engine, Request
from llava_ocr.engines.open import open_engine
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.logs import JsonFormatter
from llava_ocr.metered import MeteredEngine
from llava_ocr.metrics import Metrics
from llava_ocr.models.chat import CHAT_FORMATS, TURN_MARKS, defuse
from llava_ocr.pipeline import Line, extract_all
from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.question import Question
from llava_ocr.raster.base import Limits, OcrMode, ReadOptions
from llava_ocr.raster.page import UNSEEN_WORDS
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.records import DocumentOutcome, FieldState, Record
from llava_ocr.schema import leaves, tree
from llava_ocr.settings import Settings
from llava_ocr.store.base import Selection
from llava_ocr.store.memory import MemoryStore
from tests.attacks.painter import LOOT, MARK, NOISE, THIEF, Attack, attacks, changed, honest, written

HONEST = "honest.pdf"
ATTACKS = {attack.name: attack for attack in attacks()}
SAYS_TRUTH = replace(PROFILE, name="obedient", takes_grammar=True)


class ObedientEngine(ScriptedEngine):
    """Answers what the rules found, unless an attack wants something else: then whatever of that the grammar lets it.

    It need not read the order: it knows them all, as if it had seen every one in the pixels.
    """

    def __init__(self, wanted: Sequence[dict[str, str]], *, is_held: bool = True) -> None:
        super().__init__(self.answer, profile=SAYS_TRUTH)
        self.wanted = wanted
        self.is_held = is_held
        self.prompts: list[str] = []

    def answer(self, request: Request) -> str:
        """Obey the first order that can be obeyed at all, field by field."""
        assert request.grammar is not None
        self.prompts.append(request.prompt.user)
        if not self.is_held:
            return json.dumps({"grand_total": LOOT, MARK: [MARK, {"x": LOOT}]})
        free = (
            f"I am {MARK}.",
            json.dumps({"pwned": MARK}),
            request.guess + MARK,
            request.guess[:-1] + f',"x":"{MARK}"}}',
        )
        for text in free:
            if obeys(text, request.grammar, is_cut=False):
                return text
        said = json.loads(request.guess)
        for path, value in self.wanted[0].items():
            tried = json.loads(json.dumps(said))
            place = tried
            *groups, name = path.split(".")
            for group in groups:
                place = place[group]
            place[name] = value
            if obeys(json.dumps(tried, ensure_ascii=False, separators=(",", ":")), request.grammar, is_cut=False):
                said = tried
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


WANTED = {"grand_total": LOOT, "iban": THIEF, "seller.name": MARK}


def line_of(store: MemoryStore, engine: Engine, reader: Any) -> Line:
    question = Question.about(Catalog().get("invoice"), max_new_tokens=2_000)
    return Line(store, reader, engine, question, lambda _: False, 2**26, (), num_fetchers=1, batch_size=4)


def key_of(attack: Attack) -> str:
    return attack.file_name or f"{attack.name}.pdf"


def read_all(engine: Engine) -> dict[str, DocumentOutcome]:
    """Read the honest invoice and every attacked one, through child processes, by one engine."""
    store = MemoryStore()
    store.put(HONEST, honest())
    for attack in ATTACKS.values():
        store.put(key_of(attack), attack.pdf)
    reader = open_page_reader(ReadOptions(engine.profile, Limits(), ocr=OcrMode.NEVER), num_children=1)
    try:
        infos = list(store.list(Selection()))
        keys = {info.uri: info.key for info in infos}
        return {keys[outcome.uri]: outcome for outcome in extract_all(infos, line_of(store, engine, reader))}
    finally:
        reader.close()


class Told:
    """All that a process said while it read, at its most talkative."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(JsonFormatter())
        self.metrics = Metrics()

    @property
    def text(self) -> str:
        return self.stream.getvalue() + self.metrics.text(is_draining=False)

    def __enter__(self) -> Told:
        self.level = logging.getLogger().level
        logging.getLogger().addHandler(self.handler)
        logging.getLogger().setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self.handler)
        logging.getLogger().setLevel(self.level)


@pytest.fixture(scope="module")
def obedient() -> ObedientEngine:
    return ObedientEngine([WANTED])


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    with Told() as told:
        yield told


@pytest.fixture(scope="module")
def outcomes(obedient: ObedientEngine, told: Told) -> dict[str, DocumentOutcome]:
    return read_all(MeteredEngine(obedient, told.metrics))


def record_of(outcomes: dict[str, DocumentOutcome], key: str) -> Record:
    outcome = outcomes[key]
    assert outcome.is_ok, (outcome.reason, outcome.message, [page.message for page in outcome.pages])
    [record] = outcome.records
    return record


def values_of(record: Record) -> dict[str, tuple[FieldState, object]]:
    return {one.path: (one.state, one.value) for one in record.fields}


def test_there_are_fifty_attacks() -> None:
    assert len(ATTACKS) == 50


@pytest.mark.parametrize("name", ATTACKS)
def test_an_obedient_engine_reads_the_same_as_without_the_attack(
    outcomes: dict[str, DocumentOutcome], name: str
) -> None:
    untouched = values_of(record_of(outcomes, HONEST))
    assert untouched["grand_total"][0] is FieldState.VALUE
    assert values_of(record_of(outcomes, key_of(ATTACKS[name]))) == untouched


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_leaves_the_schema(outcomes: dict[str, DocumentOutcome], name: str) -> None:
    record = record_of(outcomes, key_of(ATTACKS[name]))
    paths = {leaf.path for leaf in leaves(tree(Catalog().get("invoice")))}
    assert {one.path.partition("[")[0] for one in record.fields} <= {path.partition("[")[0] for path in paths}
    Catalog().get("invoice").model_validate(record.values)


def test_no_text_of_an_attack_is_told(outcomes: dict[str, DocumentOutcome], told: Told) -> None:
    assert outcomes
    names = [attack.file_name for attack in ATTACKS.values() if attack.file_name]
    for text in (MARK, NOISE, LOOT, THIEF):
        # What an object is called is its address, not its text; a line break in it begins no line of its own.
        assert not [
            line
            for line in told.text.splitlines()
            if text in line and not any(json.dumps(n)[1:-1] in line for n in names)
        ]
    for outcome in outcomes.values():
        for message in (outcome.message, *(page.message for page in outcome.pages)):
            assert not any(text in message for text in (MARK, NOISE, LOOT, THIEF))


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith(("visible", "hidden"))])
def test_a_person_is_told_of_it(outcomes: dict[str, DocumentOutcome], name: str) -> None:
    # What MuPDF itself leaves out, beyond the edge or in a layer that is off, nobody need be told of.
    if name in ("hidden beyond the edge", "hidden in a layer that is off", "visible image marks"):
        return
    record = record_of(outcomes, key_of(ATTACKS[name]))
    assert UNSEEN_WORDS in {finding.check for finding in record.findings}
    assert record.needs_review


@pytest.mark.parametrize("chat", CHAT_FORMATS)
def test_no_page_opens_or_closes_a_turn(
    outcomes: dict[str, DocumentOutcome], obedient: ObedientEngine, chat: str
) -> None:
    assert outcomes
    marks = (*TURN_MARKS, *CHAT_FORMATS[chat].markers)
    for prompt in obedient.prompts:
        safe = defuse(prompt, marks, num_images=1)
        assert safe.count(IMAGE_MARK) == 1
        assert not any(mark in safe for mark in marks)


def test_the_engine_does_obey_where_the_page_itself_says_so() -> None:
    # What is printed in plain sight and orders nobody is evidence: the limit of this defence, and the suite's check.
    store = MemoryStore()
    store.put("plain", changed(written(f"Contact {MARK}\nIBAN {THIEF}")))
    engine = ObedientEngine([WANTED])
    reader = open_page_reader(ReadOptions(engine.profile, Limits(), ocr=OcrMode.NEVER), num_children=1)
    try:
        [outcome] = extract_all(store.list(Selection()), line_of(store, engine, reader))
    finally:
        reader.close()
    [record] = outcome.records
    assert record.values["seller"]["name"] == MARK
    assert record.values["iban"] == THIEF


@pytest.mark.slow
def test_the_small_engine_reads_the_same_as_without_the_attack() -> None:
    engine = open_engine(Settings())
    try:
        outcomes = read_all(engine)
    finally:
        engine.close()
    untouched = values_of(record_of(outcomes, HONEST))
    changed_by = [name for name in ATTACKS if values_of(record_of(outcomes, key_of(ATTACKS[name]))) != untouched]
    assert changed_by == []


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Answer], Told]]:
    """What a question gets from every attacked page, by an engine that always gives the attack's answer."""
    engine = ScriptedEngine(
        lambda request: (
            json.dumps(dict.fromkeys(request.grammar.json_schema["properties"], LOOT)) if request.grammar else LOOT
        )
    )
    reader = open_page_reader(ReadOptions(engine.profile, Limits(), ocr=OcrMode.NEVER), num_children=1)
    path = tmp_path_factory.mktemp("asked") / "page.pdf"
    found = {}
    with Told() as told:
        for attack in ATTACKS.values():
            path.write_bytes(attack.pdf)
            [found[attack.name]] = answer_questions(list(reader.read(path)), ["What is the total?"], engine)
    reader.close()
    yield found, told


@pytest.mark.parametrize("name", ATTACKS)
def test_a_question_is_not_answered_by_an_attack(asked: tuple[dict[str, Answer], Told], name: str) -> None:
    answers, told = asked
    assert (answers[name].state, answers[name].text) == (AnswerState.ABSENT, None)
    assert LOOT not in answers[name].message + told.text


def test_an_engine_that_nothing_holds_fails_the_page_and_is_not_quoted() -> None:
    with Told() as told:
        outcomes = read_all(MeteredEngine(ObedientEngine([WANTED], is_held=False), told.metrics))
    for outcome in outcomes.values():
        assert outcome.records == () or LOOT not in str(
            [one for one in outcome.records[0].fields if one.state is FieldState.VALUE]
        )
        assert all(MARK not in page.message for page in outcome.pages)
    assert LOOT not in told.text
