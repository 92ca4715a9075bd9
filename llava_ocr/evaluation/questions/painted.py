"""Painted papers with questions whose answers are known, written as DocVQA is published: a stand-in where it is not."""

from __future__ import annotations

import json
from itertools import count, islice
from pathlib import Path
from typing import Any

from llava_ocr.evaluation.asked import LANGUAGES, USUAL
from llava_ocr.evaluation.datasets import Generated
from llava_ocr.evaluation.truth import BadDataset
from llava_ocr.synth.base import PaintedDocument

SPLIT = "val"
_MAX_PAINTED_EACH = 100


def write_questions(order: Generated, folder: Path) -> Path:
    """Paint held-out papers into `folder` and ask the usual of each, also what it does not say. Raises BadDataset."""
    # Painting takes PyMuPDF, which takes a quarter of a second to import.
    from llava_ocr.synth.curate import Split, keep
    from llava_ocr.synth.paint import paint
    from llava_ocr.synth.truth_file import write_painted

    if order.schema not in USUAL:
        raise BadDataset(f"generated:{order.schema}: questions are known of {', '.join(sorted(USUAL))}")
    seeds = islice(count(order.first_seed), _MAX_PAINTED_EACH * order.count)
    held_out = keep((paint(order.schema, seed) for seed in seeds), Split.HELD_OUT)
    documents = list(islice(held_out, order.count))
    images = folder / "documents"
    paths = list(write_painted(documents, images, scans=order.is_scanned))
    entries: list[dict[str, Any]] = []
    for document, path in zip(documents, paths, strict=True):
        entries += _questions(document, f"documents/{path.name}", first_id=len(entries))
    content = {"dataset_name": "docvqa", "dataset_split": SPLIT, "dataset_version": "1.0", "data": entries}
    (folder / f"{SPLIT}_v1.0.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def _questions(document: PaintedDocument, image: str, *, first_id: int) -> list[dict[str, Any]]:
    language = LANGUAGES.index(document.language)
    printed: dict[str, list[str]] = {}
    for value in document.printed:
        printed.setdefault(value.path, []).append(value.text)
    return [
        {
            "questionId": first_id + number,
            "question": wordings[language],
            "image": image,
            "answers": list(dict.fromkeys(printed.get(path, []))),
            "data_split": SPLIT,
        }
        for number, (path, wordings) in enumerate(USUAL[document.schema].items())
    ]
