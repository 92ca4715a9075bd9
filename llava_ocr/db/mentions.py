"""Where the database mentions somebody: every text of every table read, not just what the search knows.

The search knows current records. A name can stand, too, in an older reading, in one that is staged, in the words of a
page that failed, in a correction, in an address or in a filter that somebody kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from sqlalchemy import LargeBinary, String, Table, Text, select
from sqlalchemy.engine import Connection

from llava_ocr.db.answers import readable
from llava_ocr.db.link_rows import ANSWER_USES, ANSWERS
from llava_ocr.db.page_words import unpacked
from llava_ocr.db.rows import RECORDS, Row
from llava_ocr.review.terms import searchable, words_of

# Rows held at once.
BATCH = 1_000
# Names of ours, and the log of who did what, which never holds a value of a document.
_LEFT_OUT = ("users", "tokens", "audit", "tombstones", "calibrations", "views", "headlines", "answers")


@dataclass(slots=True)
class Mentions:
    """How many texts were read, how many mention the subject by `table.column`, and the documents they belong to.

    `elsewhere` are mentions that belong to no document.
    """

    num_texts: int = 0
    found: Counter[str] = field(default_factory=Counter)
    document_ids: set[str] = field(default_factory=set)
    elsewhere: Counter[str] = field(default_factory=Counter)


def mentions_of(connection: Connection, subject: str) -> Mentions:
    """Read every text of the database for a name or number, as words without case, accents and marks."""
    phrase = f" {' '.join(words_of(subject))} "
    found = Mentions()
    if not phrase.strip():
        return found
    for table in Row.metadata.sorted_tables:
        if table.name not in _LEFT_OUT:
            _count(found, phrase, _texts(connection, table))
    _count(found, phrase, _answers(connection))
    return found


def _count(found: Mentions, phrase: str, texts: Iterable[tuple[str, str | None, str]]) -> None:
    for place, document_id, text in texts:
        found.num_texts += 1
        if phrase in f" {searchable(text)} ":
            found.found[place] += 1
            _belongs(found, place, document_id)


def _belongs(found: Mentions, place: str, document_id: str | None) -> None:
    if document_id:
        found.document_ids.add(document_id)
    else:
        found.elsewhere[place] += 1


def _texts(connection: Connection, table: Table) -> Iterator[tuple[str, str | None, str]]:
    """Yield a table's texts: `table.column`, the document that the row belongs to, the text."""
    columns = [column for column in table.columns if isinstance(column.type, (String, Text, LargeBinary))]
    query = select(*columns)
    if "document_id" in table.columns:
        query = query.add_columns(table.c.document_id.label("owner"))
    elif "record_id" in table.columns:
        joined = table.join(RECORDS, RECORDS.c.id == table.c.record_id)
        query = query.add_columns(RECORDS.c.document_id.label("owner")).select_from(joined)
    for row in connection.execution_options(yield_per=BATCH).execute(query):
        owner = row.owner if "owner" in row._fields else None
        for column, value in zip(columns, row, strict=False):
            if value:
                yield f"{table.name}.{column.name}", owner, _plain(value)


def _answers(connection: Connection) -> Iterator[tuple[str, str | None, str]]:
    """Yield what engines answered, once for each document that it was the answer for."""
    query = select(ANSWERS.c.payload, ANSWER_USES.c.document_id).join(ANSWER_USES)
    for payload, document_id in connection.execution_options(yield_per=BATCH).execute(query):
        yield "answers.payload", document_id, _plain(readable(payload))


def _plain(value: Any) -> str:
    """A cell as the text that a person would read: words of pages unpacked, escapes of JSON undone."""
    if isinstance(value, bytes):
        return " ".join(word.text for word in unpacked(value).words)
    text = unquote_plus(value) if "%" in value else str(value)
    if "\\u" in text:
        try:
            return json.dumps(json.loads(text), ensure_ascii=False)
        except ValueError:
            return text
    return text
