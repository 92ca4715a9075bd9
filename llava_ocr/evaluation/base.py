"""What an evaluation is: every compared leaf, every document, and the figures made of them. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llava_ocr.records import Evidence, FieldState, FieldValue
from llava_ocr.schema import Kind


@dataclass(frozen=True, slots=True)
class FieldResult:
    """One leaf of a document, truth beside prediction.

    `path` is the truth's (`lines[2].line_total`); a row that the truth does not have (`is_surplus`) goes by the
    prediction's. `expected` is the truth as the data set writes it, None where it says that the page leaves it blank.
    `predicted` is the text as read, `value` what it was taken to mean; `state` is None where nothing was answered at
    all (the document failed, or the answer left the field out). `evidence_f1` is None where the truth has no places.
    """

    path: str
    kind: Kind
    expected: str | None
    predicted: str | None
    value: FieldValue
    state: FieldState | None
    confidence: float
    is_right: bool
    similarity: float
    evidence: Evidence | None = None
    evidence_f1: float | None = None
    is_invented: bool = False
    is_surplus: bool = False

    @property
    def is_cell(self) -> bool:
        """Whether it is a cell of a list."""
        return "[" in self.path

    @property
    def name(self) -> str:
        """The path of the schema's leaf, rows not told apart: `lines[].line_total`."""
        head, bracket, tail = self.path.partition("[")
        return f"{head}[]{tail.partition(']')[2]}" if bracket else head


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """One document of the data set, as it was read.

    `file` is the data set's own file, `content` names what it says (documents of one content weigh one together),
    `issuer` and `language` group it. `reason` and `message` say why it failed and are empty where it did not.
    `num_invented` counts values, compared or not, whose text stands nowhere on the pages.
    """

    id: str
    file: Path
    content: str
    issuer: str
    language: str
    num_pages: int
    seconds: float
    fields: tuple[FieldResult, ...]
    num_invented: int = 0
    reason: str = ""
    message: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether it, or a page of it, could not be read; all its fields then score 0."""
        return bool(self.reason)

    @property
    def is_exact(self) -> bool:
        """Whether every compared leaf is right, and no row too many was read."""
        return not self.is_failed and all(one.is_right for one in self.fields)


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of a figure, by drawing issuers anew."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The measures of some documents or of one field, 0 to 1; None where the truth has nothing to measure it by.

    `field_exact` and `anls` are of header fields, `list_f1` of the cells of lists; for a column of a list all three are
    of its cells. `num_fields` are the values that the truth has. `intervals` are by the measures' names.
    """

    field_exact: float | None
    anls: float | None
    list_f1: float | None
    document_exact: float | None
    evidence_word_f1: float | None
    blank_precision: float | None
    blank_recall: float | None
    auc: float | None
    accuracy_at_80: float | None
    invented: int
    num_documents: int
    num_fields: int
    num_failed: int
    seconds_per_page: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Fields whose confidence lies in [`low`, `high`): how sure the reader was and how often it was right."""

    low: float
    high: float
    confidence: float
    accuracy: float
    num_fields: int


@dataclass(frozen=True)
class Reading:
    """All that came of one reader over the data set. `by_group` is by `issuer` and by `language`."""

    name: str
    documents: tuple[DocumentResult, ...]
    figures: Figures
    by_field: Mapping[str, Figures]
    by_group: Mapping[str, Mapping[str, Figures]]
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class BundleFigures:
    """How files with several documents came apart, 0 to 1; None where there is nothing to measure by.

    A cut is a page that begins a document, the file's first aside. `documents_whole` are those with just their own
    pages, `records_sound` those whose checks hold, `num_strays` values that were read from another document's page.
    `certainty` says how often decisions before a page were right, by how certain they were.
    """

    split_precision: float | None
    split_recall: float | None
    split_f1: float | None
    files_exact: float
    documents_whole: float
    records_sound: float | None
    num_strays: int
    num_files: int
    num_documents: int
    num_records: int
    certainty: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure in the run before and in this one."""

    before: float | None
    now: float | None

    @property
    def difference(self) -> float | None:
        """How much more it is now; None where one run has nothing to measure it by."""
        return None if self.before is None or self.now is None else self.now - self.before


@dataclass(frozen=True)
class Comparison:
    """This run beside an earlier one: figures, and fields (document id, path) that were righted or broken."""

    figures: Mapping[str, Change]
    righted: tuple[tuple[str, str], ...]
    broken: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EvaluationReport:
    """One evaluation: the product's reading, the rules' reading of the same pages, and what was left out.

    `notes` tell a person what was not counted and why; `num_contents` is the number of distinct contents.
    """

    dataset: str
    schema: str
    is_scanned: bool
    num_contents: int
    model: Reading
    rules: Reading | None = None
    comparison: Comparison | None = None
    bundles: BundleFigures | None = None
    notes: tuple[str, ...] = field(default=())
