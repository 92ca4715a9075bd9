"""Answers as a table, a row for each question to each document, and the journal by which a broken-off table goes on.

The journal lies beside the table: a line of JSON for each document. A document that has not changed, asked in the same
way, is not asked again, unless something failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llava_ocr.asking.answers import AnswerState, answer_object
from llava_ocr.asking.documents import AnsweredDocument, Inquiry, ask_documents
from llava_ocr.db.query import Table
from llava_ocr.db.tables import write_table
from llava_ocr.errors import ConfigError
from llava_ocr.files import FileFormat, format_of, require_writable, whole_file
from llava_ocr.jsonform import to_json
from llava_ocr.services import Services
from llava_ocr.store.base import ObjectInfo, Store

COLUMNS = (
    "uri",
    "document_id",
    "question",
    "state",
    "answer",
    "value",
    "confidence",
    "is_evidenced",
    "page_index",
    "boxes",
    "words",
    "others",
    "field",
    "reason",
    "message",
    "engine",
)
_AS_JSON = ("boxes", "words", "others")


class BadJournal(ConfigError):
    """The file beside the table is no journal of answers."""

    hint = "Delete it, or give another --out; the documents are then asked again."


@dataclass(frozen=True)
class Tally:
    """How the questions of a table ended; `num_known` documents were asked before."""

    num_documents: int
    num_known: int
    states: dict[AnswerState, int]

    @property
    def num_failed(self) -> int:
        """Questions without an answer because something failed."""
        return self.states[AnswerState.FAILED]


class Journal:
    """What was answered before, by document, and what is answered now."""

    def __init__(self, path: Path) -> None:
        """Raises BadJournal where the file is no journal. A last line that was cut off is taken out."""
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        whole, mark, cut = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
        if cut:
            path.write_bytes(whole + mark)
        # Not splitlines: a page may print other marks that end lines.
        for number, line in enumerate(whole.split(b"\n") if whole else ()):
            try:
                entry = json.loads(line)
                self._known[entry["key"]] = entry
            except (ValueError, KeyError, TypeError):
                raise BadJournal(f"{path}, line {number + 1}: is no entry of a journal") from None

    def known(self, key: str) -> list[dict[str, Any]] | None:
        """The answers that are kept under a key; None where there are none, or one failed."""
        entry = self._known.get(key)
        if entry is None or any(row["state"] == AnswerState.FAILED for row in entry["answers"]):
            return None
        return list(entry["answers"])

    def add(self, key: str, answers: list[dict[str, Any]]) -> None:
        """Keep a document's answers, at once."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(to_json({"key": key, "answers": answers}) + "\n")


def journal_of(out: Path) -> Path:
    """Where the journal of a table lies."""
    return out.with_name(out.name + ".journal")


def write_answers(
    inquiry: Inquiry, infos: Iterable[ObjectInfo], store: Store, services: Services, *, out: Path
) -> Tally:
    """Ask every document that was not asked before, and write all answers to `out`.

    Raises ConfigError for a file that can't be written or a bad journal, EngineError when nothing can be answered:
    what was answered until then is in the journal, and the same order goes on from there.
    """
    format = format_of(out, None, default=FileFormat.CSV)
    require_writable(out)
    journal = Journal(journal_of(out))
    rows: list[dict[str, Any]] = []
    num_documents = num_known = 0
    for answers, is_known in _answered(inquiry, infos, store, services, journal=journal):
        rows += answers
        num_documents += 1
        num_known += is_known
    table = Table(COLUMNS, tuple(tuple(_cell(name, row) for name in COLUMNS) for row in rows), is_cut=False)
    with whole_file(out) as stream:
        write_table(table, format, stream)
    states = [AnswerState(row["state"]) for row in rows]
    return Tally(num_documents, num_known, {state: states.count(state) for state in AnswerState})


def document_rows(answered: AnsweredDocument, engine: str) -> list[dict[str, Any]]:
    """A row for each answer about one document."""
    head = {"uri": answered.uri, "document_id": answered.document_id, "engine": engine}
    return [head | answer_object(answer) for answer in answered.answers]


def _answered(
    inquiry: Inquiry, infos: Iterable[ObjectInfo], store: Store, services: Services, *, journal: Journal
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    for info in infos:
        key = f"{inquiry.fingerprint} {info.uri} {info.etag}"
        known = {row["question"]: row for row in journal.known(key) or ()}
        if set(inquiry.questions) <= known.keys():
            yield [known[question] for question in inquiry.questions], True
            continue
        answered = next(ask_documents(inquiry, [info], store, services), None)
        if answered is None:
            # It is no document.
            continue
        rows = document_rows(answered, services.engine.profile.name)
        journal.add(key, rows)
        yield rows, False


def _cell(name: str, row: dict[str, Any]) -> object:
    return to_json(row[name]) if name in _AS_JSON else row[name]
