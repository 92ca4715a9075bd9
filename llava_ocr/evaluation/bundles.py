"""How well files with several documents come apart: where they are cut, and which record is which document. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from llava_ocr.bundles.pages import split_pages
from llava_ocr.bundles.seams import Seam
from llava_ocr.evaluation.base import BundleFigures
from llava_ocr.evaluation.measures import reliability
from llava_ocr.evaluation.pairing import best_pairs
from llava_ocr.evaluation.reading import ReadDocument
from llava_ocr.evaluation.truth import Truth
from llava_ocr.question import Question
from llava_ocr.records import Record

# What a record says of its own bundle is no check that failed.
BUNDLE_CHECK = "bundle"


@dataclass(frozen=True)
class File:
    """A file of a data set and the documents in it; one, but for bundles."""

    truths: tuple[Truth, ...]

    @property
    def is_bundle(self) -> bool:
        """Whether it says which of its pages are whose."""
        return bool(self.truths[0].page_indices)


def files_of(truths: Sequence[Truth]) -> list[File]:
    """Gather documents by the file they are in; those of a bundle stand one after the other."""
    keyed = ((truth, (truth.file, 0 if truth.page_indices else number)) for number, truth in enumerate(truths))
    return [File(tuple(truth for truth, _ in group)) for _, group in groupby(keyed, key=lambda entry: entry[1])]


def question_for(question: Question, files: Iterable[File]) -> Question:
    """The question that a data set wants asked: of bundles, that they be split."""
    if not any(file.is_bundle for file in files):
        return question
    return Question.about(question.schema, max_new_tokens=question.max_new_tokens, is_bundle=True)


def shares(file: File, read: ReadDocument) -> Iterator[tuple[Truth, ReadDocument]]:
    """Give each document of a file its part of what was read: its record and the words of its pages."""
    if not file.is_bundle:
        yield file.truths[0], read
        return
    partner = pairs_of(file.truths, read.outcome.records)
    for number, truth in enumerate(file.truths):
        records = (partner[number],) if number in partner else ()
        pages = tuple(page for page in read.pages if page.outcome.page_index in truth.page_indices)
        outcome = replace(read.outcome, records=records, num_pages=len(truth.page_indices))
        seconds = read.seconds / len(file.truths)
        yield truth, replace(read, truth=truth, outcome=outcome, pages=pages, seconds=seconds)


def pairs_of(truths: Sequence[Truth], records: Sequence[Record]) -> dict[int, Record]:
    """Pair documents with the records that have most pages in common with them; by number of the document."""
    shared_TR = np.array(
        [[len(set(truth.page_indices) & _pages(record)) for record in records] for truth in truths], dtype=float
    ).reshape(len(truths), len(records))
    return {row: records[column] for row, column in best_pairs(shared_TR) if shared_TR[row, column] > 0}


class BundleCounter:
    """Counts how bundles came apart."""

    def __init__(self) -> None:
        self._num_files = self._num_exact = self._num_right = self._num_wrong = self._num_missed = 0
        self._num_documents = self._num_whole = self._num_strays = self._num_records = self._num_sound = 0
        self._seams: list[tuple[float, bool]] = []

    def add(self, file: File, read: ReadDocument, question: Question) -> None:
        """Count one file."""
        wanted = {truth.page_indices[0] for truth in file.truths[1:]}
        split = split_pages(read.pages, question.root)
        cuts = {part.page_indices[0] for part in split.parts[1:]}
        self._num_files += 1
        self._num_right += len(cuts & wanted)
        self._num_wrong += len(cuts - wanted)
        self._num_missed += len(wanted - cuts)
        found = [part.page_indices for part in split.parts]
        self._num_exact += found == [truth.page_indices for truth in file.truths]
        self._num_documents += len(file.truths)
        self._num_whole += sum(truth.page_indices in found for truth in file.truths)
        self._seams += [_judged(seam, wanted) for seam in split.seams[1:]]
        self._add_records(file, read)

    def _add_records(self, file: File, read: ReadDocument) -> None:
        owner = {index: number for number, truth in enumerate(file.truths) for index in truth.page_indices}
        self._num_records += len(read.outcome.records)
        for number, record in pairs_of(file.truths, read.outcome.records).items():
            places = [field.evidence.page_index for field in record.fields if field.evidence is not None]
            self._num_strays += sum(owner.get(index, number) != number for index in places)
            self._num_sound += all(finding.check == BUNDLE_CHECK for finding in record.findings)

    def figures(self) -> BundleFigures | None:
        """The figures of all that was counted; None where there was no bundle."""
        if not self._num_files:
            return None
        found, wanted = self._num_right + self._num_wrong, self._num_right + self._num_missed
        sure = np.array([certainty for certainty, _ in self._seams])
        right = np.array([float(is_right) for _, is_right in self._seams])
        return BundleFigures(
            split_precision=self._num_right / found if found else None,
            split_recall=self._num_right / wanted if wanted else None,
            split_f1=2 * self._num_right / (found + wanted) if found + wanted else None,
            files_exact=self._num_exact / self._num_files,
            documents_whole=self._num_whole / self._num_documents,
            records_sound=self._num_sound / self._num_records if self._num_records else None,
            num_strays=self._num_strays,
            num_files=self._num_files,
            num_documents=self._num_documents,
            num_records=self._num_records,
            certainty=reliability(sure, right, num_bins=20) if len(sure) else (),
        )


def _judged(seam: Seam, wanted: set[int]) -> tuple[float, bool]:
    return seam.certainty, seam.is_cut == (seam.page_index in wanted)


def _pages(record: Record) -> set[int]:
    return set(record.part.page_indices) if record.part is not None else set()
