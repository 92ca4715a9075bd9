"""One evaluation from beginning to end: load truth, read every document, compare, sum up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from llava_ocr.evaluation.base import DocumentResult, EvaluationReport
from llava_ocr.evaluation.bundles import BundleCounter, files_of, question_for, shares
from llava_ocr.evaluation.compare import Compared, compare, seen_part
from llava_ocr.evaluation.figures import summarize
from llava_ocr.evaluation.on_page import Pages
from llava_ocr.evaluation.reading import (
    Bench,
    ReadDocument,
    original_layouts,
    read_by_rules,
    read_documents,
)
from llava_ocr.evaluation.truth import Truth, left_out_notes, load_truths
from llava_ocr.records import DocumentOutcome, FieldReading, PageState
from llava_ocr.schema import leaves, schema_name

Observer = Callable[[DocumentResult], None]


def ignore(document: DocumentResult) -> None:
    """Watch nothing."""


def evaluate(
    dataset: str,
    truth_file: Path,
    bench: Bench,
    *,
    is_scanned: bool = False,
    limit: int | None = None,
    observe: Observer = ignore,
) -> EvaluationReport:
    """Read the documents of a truth file and compare them with it, by the engine and by the rules.

    `dataset` is what the report calls it. Raises BadDataset, and EngineError where the engine can answer nothing.
    """
    truths = tuple(islice(load_truths(truth_file, bench.question.root), limit))
    files = files_of(truths)
    bench = replace(bench, question=question_for(bench.question, files))
    by_model: list[DocumentResult] = []
    by_rules: list[DocumentResult] = []
    bundles = BundleCounter()
    is_rules = bench.engine.profile.answers_by_rules
    firsts = [file.truths[0] for file in files]
    for file, read in zip(files, read_documents(firsts, bench, is_scanned=is_scanned), strict=True):
        ruled = read if is_rules else read_by_rules(read, bench.question)
        if file.is_bundle:
            bundles.add(file, read, bench.question)
        for (told, part), (_, ruled_part) in zip(shares(file, read), shares(file, ruled), strict=True):
            if file.is_bundle and not (told.leaves or told.lists):
                continue
            by_model.append(result_of(part, bench, is_scanned=is_scanned))
            by_rules.append(result_of(ruled_part, bench, is_scanned=is_scanned))
            observe(by_model[-1])
    order = [leaf.path for leaf in leaves(bench.question.root)]
    return EvaluationReport(
        dataset=dataset,
        schema=schema_name(bench.question.schema),
        is_scanned=is_scanned,
        num_contents=len({truth.content for truth in truths}),
        model=summarize(bench.engine.profile.name, by_model, order),
        rules=None if is_rules else summarize("rules", by_rules, order),
        bundles=bundles.figures(),
        notes=left_out_notes(truths),
    )


def _counted(read: ReadDocument, bench: Bench, *, is_scanned: bool) -> Truth:
    """The truth as far as it counts: without flags, what stands on the pages as the data set has them."""
    if read.truth.is_flagged:
        return read.truth
    layouts = original_layouts(read.truth, bench) if is_scanned else read.layouts
    return seen_part(read.truth, bench.question.root, Pages(layouts))


def result_of(read: ReadDocument, bench: Bench, *, is_scanned: bool) -> DocumentResult:
    """Compare one document; one that failed has nothing right, whatever was read of it."""
    truth = _counted(read, bench, is_scanned=is_scanned)
    reason, message = _fault(read.outcome)
    readings: Sequence[FieldReading] = [one for record in read.outcome.records for one in record.fields]
    compared: Compared = compare(truth, bench.question.root, () if reason else readings, Pages(read.layouts))
    return DocumentResult(
        id=truth.id,
        file=truth.file,
        content=truth.content,
        issuer=truth.issuer,
        language=truth.language,
        num_pages=read.outcome.num_pages,
        seconds=read.seconds,
        fields=compared.fields,
        num_invented=compared.num_invented,
        reason=reason,
        message=message,
    )


def _fault(outcome: DocumentOutcome) -> tuple[str, str]:
    """Why a document failed, by itself or by the first of its pages that did; empty where none did."""
    if outcome.reason:
        return outcome.reason, outcome.message
    return next(((page.reason, page.message) for page in outcome.pages if page.state is PageState.FAILED), ("", ""))
