"""The values that travel through the product: documents, words, pages, fields, records. Pure; no outside library."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from llava_ocr.geometry import Box, Turn


@dataclass(frozen=True, slots=True)
class Document:
    """One stored object. `id` is the SHA-256 of its bytes (hex), so one content under two keys is one document."""

    id: str
    uri: str
    size_bytes: int
    media_type: str


class WordReader(StrEnum):
    """Who read the words of a page; of a field, XML where its value comes from an e-invoice inside of the file."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    XML = "xml"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Word:
    """One printed word (no white space in it) and its place. `score` is the reader's own, 1.0 for a text layer.

    `reader` is None where it is the page's.
    """

    text: str
    box: Box
    score: float = 1.0
    reader: WordReader | None = None


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words of a page in the reader's order; `note` says why a text layer was not used.

    `num_unseen` words of the text layer do not show on the page and are left out; `is_odd` where that is no trifle.
    `num_commands` words of lines that speak to a machine are left out, too.
    Boxes are on the page as it is shown; it is read turned by `turn`. Where some words lie otherwise, `turns` tells
    of each; they come after the others, sorted by their turns. Where it is not clear how the page lies,
    `is_turn_clear` is False. `num_unread_pictures` on the page look like text and were not read.
    """

    words: tuple[Word, ...]
    reader: WordReader
    note: str = ""
    num_unseen: int = 0
    is_odd: bool = False
    num_commands: int = 0
    turn: Turn = Turn.NONE
    turns: tuple[Turn, ...] = ()
    is_turn_clear: bool = True
    num_unread_pictures: int = 0

    def __bool__(self) -> bool:
        """Whether there is any word."""
        return bool(self.words)


NO_WORDS = PageWords((), WordReader.NONE)


class PageState(StrEnum):
    """How a page ended. Every page of every document ends as one of these."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """How one page ended; `reason` is an error class or a skip reason such as `blank`, empty when ok.

    A page that is ok may have a `message`, too: that words of its text layer do not show on it.

    `image_hash` names the page's pixels and `reader` who read its words, where the page came that far; `words` are
    what a search or a person looks for later, on the page as it is shown, which is read turned by `turn`. `saved_s` is
    set where the answer was known before: what it took then.
    """

    page_index: int
    state: PageState
    reason: str = ""
    message: str = ""
    image_hash: str = ""
    reader: WordReader = WordReader.NONE
    words: tuple[Word, ...] = field(default=(), repr=False)
    turn: Turn = Turn.NONE
    saved_s: float | None = None


class FieldState(StrEnum):
    """What is known of a field. Only VALUE and AMBIGUOUS and UNGROUNDED carry a value."""

    VALUE = "value"
    ABSENT = "absent"
    ILLEGIBLE = "illegible"
    UNGROUNDED = "ungrounded"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"


FieldValue = str | Decimal | date | bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value was read: one box per printed line it runs over."""

    page_index: int
    boxes: tuple[Box, ...]
    reader: WordReader
    score: float


class RulesSay(StrEnum):
    """What mere rules over the words made of the same field: a reader unlike any model."""

    SAME = "same"
    OTHER = "other"
    NOTHING = "nothing"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells how sure a reading is, each from a witness of its own; told while reading and not stored.

    `said` is the model's probability of its whole answer for the field and `least` of its least sure token, None where
    an engine tells nothing. `exactness` is how exactly the value stands on the page, 0 where it stands nowhere;
    `num_places` how often it does. `word_score` is that of its least sure word, `page_score` the mean of its page.
    """

    said: float | None
    least: float | None
    rules: RulesSay
    exactness: float
    num_places: int
    word_score: float
    page_score: float
    label_distance: float | None = None


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One leaf of a record, e.g. `seller.name` or `lines[2].line_total`.

    `text` is what stands on the page, `value` the typed value parsed from it, `confidence` is 0 to 1,
    `candidates` are the other values a CONFLICT or AMBIGUOUS field could have.
    """

    path: str
    state: FieldState
    text: str | None = None
    value: FieldValue = None
    confidence: float = 0.0
    evidence: Evidence | None = None
    candidates: tuple[str, ...] = ()
    signals: Signals | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """A cross-field check that does not hold, such as net + tax != grand; a remark, never an error."""

    check: str
    message: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a record; `fingerprint` covers everything that can change an answer."""

    schema_fingerprint: str
    engine: str
    engine_fingerprint: str
    num_prompt_tokens: int = 0
    num_new_tokens: int = 0
    num_forced_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The pages of a bundle that one record was made of, in reading order; why a document begins there, and how
    certain that is."""

    page_indices: tuple[int, ...]
    reason: str
    certainty: float

    @property
    def pages(self) -> str:
        """Its pages for people, from 1, in reading order: `pages 1-3, 5`."""
        runs: list[list[int]] = []
        for index in self.page_indices:
            if runs and index == runs[-1][-1] + 1:
                runs[-1].append(index)
            else:
                runs.append([index])
        named = [f"{run[0] + 1}-{run[-1] + 1}" if len(run) > 1 else f"{run[0] + 1}" for run in runs]
        return f"page{'s' if len(self.page_indices) != 1 else ''} {', '.join(named)}"


@dataclass(frozen=True, slots=True)
class Record:
    """A filled schema with evidence and provenance. `values` is nested as in the schema, with typed leaves.

    `part` are its pages where the document is read as a bundle, None where it is one document.
    """

    document: Document
    schema: str
    record_index: int
    values: dict[str, Any]
    fields: tuple[FieldReading, ...]
    findings: tuple[Finding, ...]
    provenance: Provenance
    needs_review: bool
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class DocumentOutcome:
    """All that came of one document: its pages, and either records or the error that ended it.

    `num_pages` is what the document said on opening, and `pages` must account for each of them; a document that
    can't be opened has none, and `reason` then says why. `is_kept` means that nothing was read, because the same
    document was read before with the same schema and engine; `skipped` says why an object is none to read at all.
    `seconds` says what took how long.
    """

    uri: str
    document: Document | None
    num_pages: int
    pages: tuple[PageOutcome, ...]
    records: tuple[Record, ...] = ()
    reason: str = ""
    message: str = ""
    is_kept: bool = False
    skipped: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether no page failed and the document as a whole did not."""
        return not self.reason and all(page.state is not PageState.FAILED for page in self.pages)
