"""Pages of real documents with truth, read once by the product's reader; their words are kept beside the run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from llava_ocr.catalog import Catalog
from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import BadTrainingData, ExtractionError
from llava_ocr.geometry import Box
from llava_ocr.raster.base import PageReader
from llava_ocr.records import Word
from llava_ocr.schema import leaves, without_lists
from llava_ocr.train.checkpoint import write_whole
from llava_ocr.train.finding import questions_about
from llava_ocr.train.pages import open_readers
from llava_ocr.train.questions import Question
from llava_ocr.train.truth import TrueDocument, read_truth
from llava_ocr.words.layout import Layout, lay_out


def read_real(truth: Path, profile: EngineProfile, *, cache: Path) -> list[Question]:
    """Ask of every page what its document's truth knows, lists left out. Raises BadTrainingData.

    `cache` holds the words of the documents read so far, by file; reading goes on from there.
    """
    documents = read_truth(truth, Catalog())
    known = _known(cache)
    missing = [document for document in documents if document.file.name not in known]
    if missing:
        readers = open_readers(profile)
        try:
            for document in missing:
                known[document.file.name] = _read(document, readers.with_words)
                write_whole(cache, lambda file: file.write(json.dumps(known).encode()))
        finally:
            readers.close()
    return [question for each in documents for question in _questions(each, known[each.file.name])]


def _known(cache: Path) -> dict[str, list[list[object]]]:
    return json.loads(cache.read_text()) if cache.exists() else {}


def _read(document: TrueDocument, reader: PageReader) -> list[list[object]]:
    try:
        layouts = [page.layout for page in reader.read(document.file)]
    except ExtractionError as error:
        raise BadTrainingData(f"{document.where}: its file can't be read: {error.reason}") from None
    return [_stated(layout) for layout in layouts if layout is not None]


def _stated(layout: Layout) -> list[object]:
    boxes = [(word.text, word.box.x0, word.box.y0, word.box.x1, word.box.y1, word.score) for word in layout.words]
    return [layout.aspect, boxes]


def _questions(document: TrueDocument, pages: Sequence[list[object]]) -> Iterator[Question]:
    layouts = []
    for aspect, boxes in pages:
        assert isinstance(aspect, float) and isinstance(boxes, list), document.where
        words = [Word(text, Box(*edges), score) for text, *edges, score in boxes]
        layouts.append(lay_out(words, aspect=aspect))
    for question in questions_about(document.truth, layouts):
        if question is not None:
            root = without_lists(question.root)
            if any(leaf.path in question.values for leaf in leaves(root)):
                yield replace(question, root=root)
