"""Pages as examples: read as the product reads them, asked as it asks, answered with their documents' truth."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import BadTrainingData, ExtractionError
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import NO_GUESSES, PromptForm, ask_for_record
from llava_ocr.raster.base import PageRead, PageReader, ReadOptions
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.records import PageState
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import GroupNode, without_lists
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import draw_wear, paint_scan
from llava_ocr.synth.truth_file import images_to_pdf, visible_facts
from llava_ocr.train.examples import CHOSEN_WEIGHT, FORCED_WEIGHT
from llava_ocr.train.finding import questions_about
from llava_ocr.train.questions import Question, converse
from llava_ocr.train.sources import shuffled
from llava_ocr.train.truth import TrueDocument, Truth, truth_of
from llava_ocr.train.turns import TiledExample, Turn, TurnEncoder
from llava_ocr.words.layout import Layout, lay_out

# A4; a page without words has no shape that matters to a prompt.
_NO_WORDS: Layout = lay_out((), aspect=595 / 842)


@dataclass(frozen=True, eq=False)
class PageReaders:
    """The product's page reading for a model: with words in the prompt the page may be small, without it may not."""

    with_words: PageReader
    without_words: PageReader

    def close(self) -> None:
        """End the child processes."""
        self.with_words.close()
        self.without_words.close()


def open_readers(profile: EngineProfile) -> PageReaders:
    """Open both readers; each starts its child when first needed."""
    options = ReadOptions(profile=profile)
    wordless = replace(options, profile=replace(profile, takes_words=False))
    return PageReaders(open_page_reader(options, num_children=1), open_page_reader(wordless, num_children=1))


class PageExamples:
    """Turns a page of a document into an example of a model."""

    def __init__(self, model: LoadedModel, readers: PageReaders, *, words_share: float, seed: int) -> None:
        self._profile, self._readers, self._seed = model.profile, readers, seed
        self._encoder = TurnEncoder(model)
        self._words_share = words_share if model.profile.takes_words else 0.0

    def of(self, document: TrueDocument, number: int) -> TiledExample | None:
        """Make an example of one of the document's pages, chosen by `number`; None where nothing can be asked.

        Raises BadTrainingData where the document can't be read.
        """
        rng = random.Random(f"{self._seed} {number} page")
        has_words = rng.random() < self._words_share
        pages = self._pages(document, has_words=has_words)
        layouts = [page.layout or _NO_WORDS for page in pages]
        asked = [
            (page, question)
            for page, question in zip(pages, questions_about(document.truth, layouts), strict=True)
            if question is not None and page.raster is not None
        ]
        return self._encode(*rng.choice(asked), has_words=has_words) if asked else None

    def _pages(self, document: TrueDocument, *, has_words: bool) -> list[PageRead]:
        reader = self._readers.with_words if has_words else self._readers.without_words
        try:
            pages = list(reader.read(document.file))
        except ExtractionError as error:
            raise BadTrainingData(f"{document.where}: its file can't be read: {error.reason}") from None
        for page in pages:
            if page.outcome.state is PageState.FAILED:
                index = page.outcome.page_index
                raise BadTrainingData(f"{document.where}: page {index + 1} can't be read: {page.outcome.reason}")
        return pages

    def _encode(self, page: PageRead, question: Question, *, has_words: bool) -> TiledExample:
        assert page.raster is not None
        profile = self._profile
        is_guessed = has_words and profile.prompt_form is PromptForm.FIND
        question = replace(
            question,
            root=question.root if profile.reads_lists else without_lists(question.root),
            guesses=guesses(question.root, question.layout) if is_guessed else NO_GUESSES,
        )
        prompt = ask_for_record(
            question.root,
            question.layout if has_words else None,
            page_index=question.page_index,
            num_pages=question.num_pages,
            form=profile.prompt_form,
            guesses=question.guesses,
        )
        return self._encoder.encode([answered(prompt.user, question)], (page.raster,))


def answered(user: str, question: Question) -> Turn:
    """Answer a question as JSON; what the grammar forces counts little."""
    dialogue = converse(question)
    chosen = {char for said in dialogue.said for char in range(said.start, said.end)} | set(dialogue.rows)

    def weight_of(char: int) -> float:
        return CHOSEN_WEIGHT if char in chosen else FORCED_WEIGHT

    return Turn(user, dialogue.answer, weight_of, is_exact=True)


class TruthPages:
    """A source: the pages of documents whose truth is known, the documents in a new order each time round."""

    def __init__(self, documents: Sequence[TrueDocument], examples: PageExamples, *, seed: int) -> None:
        self._documents, self._examples, self._seed = documents, examples, seed

    def example(self, number: int) -> TiledExample | None:
        """Make an example of one page of one document. Raises BadTrainingData where it can't be read."""
        document = self._documents[shuffled(number, len(self._documents), seed=self._seed)]
        return self._examples.of(document, number)


class PaintedPages:
    """A source: documents painted as they are needed, digital or worn, read like any other; each number has its own."""

    def __init__(self, schema: str, root: GroupNode, examples: PageExamples, *, scan_share: float, seed: int) -> None:
        self._schema, self._root, self._examples = schema, root, examples
        self._scan_share, self._seed = scan_share, seed

    def example(self, number: int) -> TiledExample | None:
        """Paint a document, read it, and ask about one of its pages."""
        rng = random.Random(f"{self._seed} {number} painted")
        document = paint(self._schema, rng.randrange(10**9))
        data = _scanned(document, rng) if rng.random() < self._scan_share else paint_pdf(document)
        with tempfile.TemporaryDirectory(prefix="llava-ocr-") as folder:
            file = Path(folder) / "painted.pdf"
            file.write_bytes(data)
            return self._examples.of(TrueDocument(file, self._truth(document), f"painted {number}"), number)

    def _truth(self, document: PaintedDocument) -> Truth:
        return truth_of(document.root or self._root, document.truth, visible_facts(document), where="painted")


def _scanned(document: PaintedDocument, rng: random.Random) -> bytes:
    wear = draw_wear(rng)
    return images_to_pdf(paint_scan(document, wear), dpi=wear.dpi)
