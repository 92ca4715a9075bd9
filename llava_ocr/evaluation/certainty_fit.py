"""Fits the shipped certainty: painted documents are read, compared with their truth, and learnt from by document."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llava_ocr.evaluation.base import FieldResult
from llava_ocr.evaluation.compare import compare
from llava_ocr.evaluation.network import fit_network
from llava_ocr.evaluation.on_page import Pages
from llava_ocr.evaluation.reading import Bench, ReadDocument, read_documents
from llava_ocr.evaluation.truth import Truth
from llava_ocr.grounding.certainty import Certainty
from llava_ocr.grounding.features import features_of
from llava_ocr.grounding.held import held_paths
from llava_ocr.grounding.read import nested
from llava_ocr.records import FieldReading, FieldState, Finding, Record
from llava_ocr.review.calibration import isotonic
from llava_ocr.schema import DocumentSchema, leaves, tree

NUM_FOLDS = 4

# N fields, F features


@dataclass(frozen=True, slots=True)
class JudgedField:
    """A field that was read from a painted document: what is known of it, and whether it was right."""

    document_id: str
    features: tuple[float, ...]
    is_right: bool
    has_value: bool


def judged_documents(truths: Sequence[Truth], bench: Bench, *, is_scanned: bool = False) -> Iterator[JudgedField]:
    """Read documents and judge every field that the truth tells of. What failed teaches nothing."""
    for read in read_documents(truths, bench, is_scanned=is_scanned):
        for record in read.outcome.records:
            compared = compare(read.truth, bench.question.root, record.fields, Pages(read.layouts))
            yield from judged(_id(read), record, compared.fields, bench.question.schema)


def judged(
    document_id: str, record: Record, results: Sequence[FieldResult], schema: type[DocumentSchema]
) -> Iterator[JudgedField]:
    """Pair verdicts with the fields of a record; a field in conflict has nothing to judge."""
    root = tree(schema)

    def check(fields: Sequence[FieldReading]) -> list[Finding]:
        filled = schema.model_validate(nested(root, fields))
        return [finding for rule in schema.checks for finding in rule(filled)]

    by_name = {leaf.path: leaf for leaf in leaves(root)}
    held = held_paths(record.fields, check)
    rows = features_of(record.fields, record.findings, held=held, leaves=by_name)
    verdicts = _verdicts(record.fields, results)
    for one, features in zip(record.fields, rows, strict=True):
        if one.path in verdicts and one.state is not FieldState.CONFLICT:
            yield JudgedField(document_id, features, verdicts[one.path], one.value is not None)


def fit_certainty(fields: Sequence[JudgedField], *, seed: int = 0) -> Certainty:
    """Fit the network to all fields, and its curve to what networks that had not seen a document said of it."""
    x_NF = np.array([one.features for one in fields])
    right_N = np.array([one.is_right for one in fields], dtype=np.float64)
    folds_N = np.array([zlib.crc32(one.document_id.encode()) % NUM_FOLDS for one in fields])
    scores_N = np.zeros(len(fields))
    for fold in range(NUM_FOLDS):
        seen_N = folds_N != fold
        scores_N[~seen_N] = fit_network(x_NF[seen_N], right_N[seen_N], seed=seed).scores(x_NF[~seen_N])
    return replace(fit_network(x_NF, right_N, seed=seed), curve=isotonic(scores_N, right_N))


def _verdicts(fields: Sequence[FieldReading], results: Sequence[FieldResult]) -> Mapping[str, bool]:
    """Find the reading that each verdict is about: rows are compared under a pairing, so their paths may differ."""
    open_fields: defaultdict[tuple[object, ...], list[FieldReading]] = defaultdict(list)
    for one in fields:
        open_fields[_name(one.path), one.text, one.evidence, one.confidence].append(one)
    found: dict[str, bool] = {}
    for result in results:
        alike = open_fields[_name(result.path), result.predicted, result.evidence, result.confidence]
        mine = next((one for one in alike if one.path == result.path), alike[0] if alike else None)
        if mine is not None and result.state is not None:
            alike.remove(mine)
            found[mine.path] = result.is_right
    return found


def _name(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


def _id(read: ReadDocument) -> str:
    return read.truth.id
