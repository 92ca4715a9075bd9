"""Painted documents of the hold-out, read and judged field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from llava_ocr.evaluation.certainty_fit import JudgedField, judged_documents
from llava_ocr.evaluation.datasets import GENERATED, open_dataset
from llava_ocr.evaluation.reading import Bench
from llava_ocr.evaluation.truth import load_truths
from llava_ocr.grounding.certainty import Certainty
from llava_ocr.question import Question
from llava_ocr.review.reliability import Reliability, reliability
from llava_ocr.services import open_services, read_options
from llava_ocr.settings import Settings


def judged_painted(
    settings: Settings, names: Sequence[str], *, count: int, first_seed: int, one_scan_in: int
) -> list[JudgedField]:
    """Read so many documents of each type, one in `one_scan_in` as a worn scan, and judge their fields.

    Raises UnknownSchema for a type that can't be painted.
    """
    found: list[JudgedField] = []
    with open_services(settings) as services:
        options = read_options(services.settings, services.engine)
        for name in names:
            question = Question.about(services.catalog.get(name), max_new_tokens=settings.max_new_tokens)
            bench = Bench(question, services.engine, services.reader, options, services.passwords)
            for number, scans in ((count - count // one_scan_in, 0), (count // one_scan_in, 1)):
                # Scans are other documents than those read without wear.
                seed = first_seed + scans * 100_000
                with open_dataset(f"{GENERATED}{name}?count={number}&scans={scans}&seed={seed}") as truth_file:
                    judged = list(judged_documents(load_truths(truth_file, question.root), bench))
                found += [replace(one, document_id=f"{name} {scans} {one.document_id}") for one in judged]
    return found


def measured(certainty: Certainty, fields: Sequence[JudgedField], precision: float) -> Reliability:
    """Measure probabilities on fields that were not learnt from."""
    said = certainty.probabilities(np.array([one.features for one in fields]))
    return reliability([float(one) for one in said], [one.is_right for one in fields], precision=precision)
