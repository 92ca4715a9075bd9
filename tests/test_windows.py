"""Documents that one request does not hold: several pages at once, passes, and rows that are read again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llava_ocr.engines.base import Completion, EngineProfile, Request, StopReason
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import CutAnswer, PromptTooLong
from llava_ocr.extract import extract
from llava_ocr.question import Question
from llava_ocr.records import Document, DocumentOutcome, PageState
from llava_ocr.schema import Date, DocumentPart, DocumentSchema, Money, Text, read, rows
from tests.fakes import JsonReader, paper

TOGETHER = replace(PROFILE, max_pages=4)
NARROW = replace(PROFILE, context_tokens=1_700)


class Booking(DocumentPart):
    """One booking."""

    date: Date | None = read("Day", labels=("Date",))
    text: Text | None = read("What for", labels=("Details",))
    amount: Money | None = read("Amount", labels=("Amount",))


class Account(DocumentSchema):
    """An account."""

    number: Text | None = read("Its number", labels=("Account",))
    bookings: list[Booking] = rows("Bookings", max_rows=100)


def booking(number: int) -> dict[str, str]:
    return {"date": f"{number % 28 + 1:02}.03.2024", "text": f"Purchase{number:03}", "amount": f"{number + 10}.50"}


def page_of(first: int, last: int, *, head: str = "Account   A-4711") -> str:
    lines = [f"{one['date']}   {one['text']}   {one['amount']:>9}" for one in map(booking, range(first, last))]
    return "\n".join([head, "", "Date         Details          Amount", *lines])


def printed_in(request: Request) -> list[dict[str, str]]:
    """The bookings that the request's own words hold."""
    found = re.findall(r"(\d\d\.03\.2024) +(Purchase\d+) +(\d+\.50)", request.prompt.user)
    return [dict(zip(("date", "text", "amount"), one, strict=True)) for one in found]


def honest(request: Request) -> str:
    """Answers what the request's words say, in the shape that is asked for."""
    said: dict[str, object] = {}
    assert request.grammar is not None
    names = request.grammar.json_schema["properties"]
    if "number" in names:
        said["number"] = "A-4711" if "A-4711" in request.prompt.user else None
    if "bookings" in names:
        said["bookings"] = printed_in(request)
    return json.dumps(said)


class Watched(ScriptedEngine):
    """Keeps what it was asked; `cut_after` ends longer answers early."""

    def __init__(
        self,
        script: Callable[[Request], str] = honest,
        *,
        profile: EngineProfile = PROFILE,
        cut_after: int | None = None,
    ) -> None:
        super().__init__(script, profile=profile)
        self.asked: list[Request] = []
        self._cut_after = cut_after

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.asked += requests
        return [self._ended(completion) for completion in super().complete(requests)]

    def _ended(self, completion: Completion) -> Completion:
        if self._cut_after is None or len(completion.text) <= self._cut_after:
            return completion
        return replace(completion, text=completion.text[: self._cut_after], stop_reason=StopReason.LENGTH)


def outcome_of(folder: Path, engine: ScriptedEngine, *pages: str) -> DocumentOutcome:
    path = folder / "document.json"
    path.write_bytes(paper(*pages))
    document = Document("0", path.as_uri(), path.stat().st_size, "application/json")
    question = Question.about(Account, max_new_tokens=1024)
    return extract(document, path, question, engine=engine, reader=JsonReader())


def amounts(outcome: DocumentOutcome) -> list[Decimal]:
    [record] = outcome.records
    return [row["amount"] for row in record.values["bookings"]]


def expected(count: int) -> list[Decimal]:
    return [Decimal(number + 10) + Decimal("0.5") for number in range(count)]


PAGES = [page_of(0, 5), page_of(5, 9), page_of(9, 14)]


@pytest.mark.parametrize("profile", [PROFILE, TOGETHER], ids=["one", "several"])
def test_pages_asked_one_by_one_or_together_make_the_same_record(tmp_path: Path, profile: EngineProfile) -> None:
    engine = Watched(profile=profile)
    outcome = outcome_of(tmp_path, engine, *PAGES)
    assert amounts(outcome) == expected(14)
    assert len(engine.asked) == (3 if profile is PROFILE else 1)
    assert all(page.state is PageState.OK for page in outcome.pages)
    assert outcome.records[0].findings == ()


def test_a_request_about_several_pages_shows_and_names_each(tmp_path: Path) -> None:
    engine = Watched(profile=TOGETHER)
    outcome_of(tmp_path, engine, *PAGES)
    [request] = engine.asked
    assert len(request.rasters) == request.prompt.user.count("<image>") == 3
    assert re.findall(r"^Page \d of 3:$", request.prompt.user, re.MULTILINE) == [f"Page {n} of 3:" for n in (1, 2, 3)]


def test_evidence_names_the_page_that_a_value_stands_on(tmp_path: Path) -> None:
    one, several = (outcome_of(tmp_path, Watched(profile=profile), *PAGES) for profile in (PROFILE, TOGETHER))
    places = [{f.path: f.evidence for f in outcome.records[0].fields if "[" in f.path} for outcome in (one, several)]
    assert {path: evidence.page_index for path, evidence in places[1].items() if evidence} == {
        path: evidence.page_index for path, evidence in places[0].items() if evidence
    }
    for path, evidence in places[0].items():
        other = places[1][path]
        assert evidence is not None and other is not None
        assert [round(box.y0, 6) for box in evidence.boxes] == [round(box.y0, 6) for box in other.boxes]


def test_a_blank_page_parts_what_is_asked_together(tmp_path: Path) -> None:
    engine = Watched(profile=TOGETHER)
    outcome = outcome_of(tmp_path, engine, PAGES[0], "!blank", *PAGES[1:])
    assert [len(request.rasters) for request in engine.asked] == [1, 2]
    assert amounts(outcome) == expected(14)


def test_a_short_context_asks_for_header_and_lists_apart(tmp_path: Path) -> None:
    engine = Watched(profile=NARROW)
    outcome = outcome_of(tmp_path, engine, page_of(0, 30))
    asked = [sorted(request.grammar.json_schema["properties"]) for request in engine.asked if request.grammar]
    assert asked[0] == ["number"] and asked[1:] == [["bookings"]] * (len(asked) - 1) and len(asked) > 1
    assert amounts(outcome) == expected(30)
    assert outcome.records[0].values["number"] == "A-4711"
    assert outcome.records[0].findings == ()


def test_of_a_cut_answer_only_the_missing_band_is_read_again(tmp_path: Path) -> None:
    engine = Watched(cut_after=1_300)
    outcome = outcome_of(tmp_path, engine, page_of(0, 30))
    whole, *rest = engine.asked
    assert len(printed_in(whole)) == 30
    seen = [one["text"] for request in rest for one in printed_in(request)]
    assert len(seen) == len(set(seen)) < 30 and seen[-1] == "Purchase029"
    assert amounts(outcome) == expected(30)
    assert outcome.records[0].findings == ()


def forgetful(request: Request) -> str:
    """Leaves rows 7 to 9 out of every answer about more than ten rows."""
    said = json.loads(honest(request))
    if len(said["bookings"]) > 10:
        said["bookings"] = [one for n, one in enumerate(said["bookings"]) if n not in (7, 8, 9)]
    return json.dumps(said)


def test_rows_left_out_of_the_middle_are_read_again_and_stand_in_their_place(tmp_path: Path) -> None:
    engine = Watched(forgetful)
    outcome = outcome_of(tmp_path, engine, page_of(0, 20))
    assert [[one["text"] for one in printed_in(request)] for request in engine.asked[1:]] == [
        ["Purchase007", "Purchase008", "Purchase009"]
    ]
    assert amounts(outcome) == expected(20)
    assert outcome.records[0].findings == ()


def stubborn(request: Request) -> str:
    """Never sees booking 12."""
    said = json.loads(honest(request))
    said["bookings"] = [one for one in said["bookings"] if one["text"] != "Purchase012"]
    return json.dumps(said)


def test_a_list_that_stays_short_says_so(tmp_path: Path) -> None:
    engine = Watched(stubborn)
    outcome = outcome_of(tmp_path, engine, page_of(0, 20))
    [record] = outcome.records
    # Asked about twice and no more: the same engine sees the same pixels.
    assert len(engine.asked) == 2
    assert len(amounts(outcome)) == 19
    assert [finding.check for finding in record.findings] == ["list_incomplete"]
    assert "page 1: 1 of 20 rows" in record.findings[0].message
    assert record.needs_review


def test_a_second_reading_of_other_rows_is_the_last(tmp_path: Path) -> None:
    def script(request: Request) -> str:
        if len(printed_in(request)) > 10:
            return forgetful(request)
        return json.dumps({"bookings": [{"date": None, "text": "Elsewhere", "amount": "1.00"}]})

    engine = Watched(script)
    outcome = outcome_of(tmp_path, engine, page_of(0, 20))
    assert len(engine.asked) == 2
    assert "list_incomplete" in {finding.check for finding in outcome.records[0].findings}


def test_what_a_second_reading_lacks_is_read_a_third_time(tmp_path: Path) -> None:
    engine = Watched(cut_after=900)
    outcome = outcome_of(tmp_path, engine, page_of(0, 30))
    assert amounts(outcome) == expected(30)
    assert len(engine.asked) > 2 and outcome.records[0].findings == ()


def test_a_second_reading_that_fails_costs_no_page(tmp_path: Path) -> None:
    def script(request: Request) -> str:
        return forgetful(request) if len(printed_in(request)) > 10 else "rubbish"

    outcome = outcome_of(tmp_path, Watched(script), page_of(0, 20))
    assert outcome.pages[0].state is PageState.OK
    assert [finding.check for finding in outcome.records[0].findings] == ["list_incomplete"]


def test_an_answer_cut_before_its_list_is_asked_in_passes(tmp_path: Path) -> None:
    def wordy(request: Request) -> str:
        said = json.loads(honest(request))
        # The list first, so that the cut takes the header.
        return json.dumps({name: said[name] for name in ("bookings", "number") if name in said})

    engine = Watched(wordy, cut_after=1_100)
    outcome = outcome_of(tmp_path, engine, page_of(0, 30))
    assert outcome.is_ok and amounts(outcome) == expected(30)


def test_an_answer_about_several_pages_that_is_cut_is_asked_page_by_page(tmp_path: Path) -> None:
    def header_last(request: Request) -> str:
        said = json.loads(honest(request))
        return json.dumps({"bookings": said["bookings"], "number": said["number"]})

    engine = Watched(header_last, profile=TOGETHER, cut_after=600)
    outcome = outcome_of(tmp_path, engine, *PAGES)
    assert [len(request.rasters) for request in engine.asked] == [3, 1, 1, 1]
    assert amounts(outcome) == expected(14)


class Cramped(Watched):
    """A server whose context is smaller than its profile says."""

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            replace(done, text="", error=PromptTooLong("too long")) if len(request.prompt.user) > 900 else done
            for request, done in zip(requests, super().complete(requests), strict=True)
        ]


def test_a_prompt_that_a_server_has_no_room_for_is_parted_until_it_has(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, Cramped(), page_of(0, 30))
    assert outcome.is_ok and amounts(outcome) == expected(30)
    assert outcome.records[0].values["number"] == "A-4711"
    assert outcome.records[0].findings == ()


def test_a_page_without_counted_rows_fails_as_before(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, Watched(cut_after=3), "Account   A-4711")
    assert outcome.pages[0].reason == CutAnswer.__name__


def test_an_answer_without_rows_is_not_asked_again_but_told(tmp_path: Path) -> None:
    engine = Watched(lambda _: '{"number": null, "bookings": []}')
    outcome = outcome_of(tmp_path, engine, page_of(0, 20))
    assert len(engine.asked) == 1
    assert [finding.check for finding in outcome.records[0].findings] == ["list_incomplete"]


CARRIED = "\n".join(["Carried forward                 99.00"])


def test_rows_that_go_on_overleaf_and_carried_balances_are_no_rows_of_their_own(tmp_path: Path) -> None:
    first = page_of(0, 5)
    second = "Date         Details          Amount\n             continued\n" + page_of(5, 9).split("\n", 3)[3]

    def script(request: Request) -> str:
        said = json.loads(honest(request))
        if "continued" in request.prompt.user:
            said["bookings"] = [
                {"date": "Date", "text": "Details", "amount": None},
                {"date": None, "text": "continued", "amount": None},
                *said["bookings"],
            ]
        else:
            said["bookings"].append({"date": None, "text": "Carried forward", "amount": "14.50"})
        return json.dumps(said)

    outcome = outcome_of(tmp_path, Watched(script), first, second)
    [record] = outcome.records
    assert amounts(outcome) == expected(9)
    assert record.values["bookings"][4]["text"] == "Purchase004 continued"
