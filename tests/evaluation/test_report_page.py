import base64
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from llava_ocr.errors import CorruptDocument
from llava_ocr.evaluation.base import (
    Change,
    Comparison,
    DocumentResult,
    EvaluationReport,
    FieldResult,
    Figures,
    Interval,
    Reading,
    ReliabilityBin,
)
from llava_ocr.evaluation.report_page import MAX_ERRORS, choose_errors, render_report, write_report
from llava_ocr.geometry import Box, Grid, Size
from llava_ocr.raster.base import PageRead
from llava_ocr.records import Evidence, FieldState, PageOutcome, PageState, WordReader
from llava_ocr.schema import Kind
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.layout import lay_out
from tests.fakes import ASPECT, words_of

NASTY = '<script>alert("1 & 2")</script>'
PLACE = Evidence(0, (Box(0.1, 0.1, 0.3, 0.12),), WordReader.TEXT_LAYER, 1.0)
WRONG = FieldResult(
    path="grand_total",
    kind=Kind.MONEY,
    expected="119.00",
    predicted="100,00",
    value=Decimal("100.00"),
    state=FieldState.VALUE,
    confidence=0.9,
    is_right=False,
    similarity=0.5,
    evidence=PLACE,
)
FIGURES = Figures(
    field_exact=0.75,
    anls=0.8,
    list_f1=None,
    document_exact=0.5,
    evidence_word_f1=0.9,
    blank_precision=1.0,
    blank_recall=0.5,
    auc=0.7,
    accuracy_at_80=0.9,
    invented=0,
    num_documents=2,
    num_fields=20,
    num_failed=0,
    seconds_per_page=1.25,
    intervals={"field_exact": Interval(0.6, 0.85)},
)


class DrawnPages:
    """A `PageReader` whose every document is one drawn page that holds `text`."""

    def __init__(self, text: str = "Net 100,00\nTotal 119,00") -> None:
        self._text = text
        self.num_opened = 0

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        return 1

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        self.num_opened += 1
        tiles = np.full((1, 400, 400, 3), 255, np.uint8)
        drawn = TiledRaster(tiles[0], tiles, Grid(1, 1), Size(280, 400), 72.0)
        layout = lay_out(words_of(self._text), aspect=ASPECT)
        yield PageRead(PageOutcome(0, PageState.OK), drawn, layout, WordReader.TEXT_LAYER)

    def close(self) -> None:
        pass


class NoPages(DrawnPages):
    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        raise CorruptDocument("gone")


def document(*fields: FieldResult, name: str = "a") -> DocumentResult:
    return DocumentResult(name, Path(f"{name}.pdf"), name, "issuer", "en", 1, 1.0, fields)


def report(*documents: DocumentResult) -> EvaluationReport:
    bins = (ReliabilityBin(0.0, 0.5, 0.0, 0.0, 0), ReliabilityBin(0.5, 1.0, 0.8, 0.7, 20))
    model = Reading("small", documents, FIGURES, {"grand_total": FIGURES}, {"language": {"en": FIGURES}}, bins)
    return EvaluationReport("set.jsonl", "invoice", False, 2, model)


def pictures(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def holds_colour(picture: Image.Image, rgb: tuple[int, int, int]) -> bool:
    off = np.abs(np.asarray(picture.convert("RGB"), np.int16) - np.array(rgb, np.int16))
    return bool((off.max(axis=2) < 45).any())


def test_nothing_that_documents_or_data_sets_say_becomes_markup() -> None:
    field = replace(WRONG, path=NASTY, expected=NASTY, predicted=NASTY, value=NASTY)
    failed = replace(document(name=NASTY), reason=NASTY, message=NASTY)
    nasty = replace(report(document(field, name=NASTY), failed), dataset=NASTY, schema=NASTY, notes=(NASTY,))
    nasty = replace(
        nasty, model=replace(nasty.model, name=NASTY, by_field={NASTY: FIGURES}, by_group={NASTY: {NASTY: FIGURES}})
    )
    nasty = replace(nasty, comparison=Comparison({}, ((NASTY, NASTY),), ((NASTY, NASTY),)))
    page = render_report(nasty, DrawnPages())
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&quot;1 &amp; 2&quot;)") >= 12


def test_the_page_asks_nothing_of_the_network() -> None:
    page = render_report(report(document(WRONG)), DrawnPages())
    sources = re.findall(r'(?:src|href)="([^"]*)"|url\(|@import|https?://', page)
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_every_element_is_closed() -> None:
    page = render_report(report(document(WRONG)), DrawnPages())
    for name in ("main", "section", "div", "table", "tr", "td", "svg", "article", "figure", "dl", "p"):
        assert len(re.findall(rf"<{name}[ >]", page)) == page.count(f"</{name}>"), name


def test_figures_stand_beside_interval_rules_and_the_run_before() -> None:
    full = report(document(WRONG))
    rules = replace(full.model, name="rules", figures=replace(FIGURES, field_exact=0.43))
    page = render_report(
        replace(full, rules=rules, comparison=Comparison({"field_exact": Change(0.7, 0.75)}, (), ())), DrawnPages()
    )
    row = page[page.index('<th scope="row">Fields exactly right') :].split("</tr>")[0]
    for told in ("75.0 %", "60.0 % to 85.0 %", "43.0 %", "70.0 %", "+5.0 pts"):
        assert told in row


def test_a_figure_without_truth_is_a_dash_and_not_zero() -> None:
    page = render_report(report(document(WRONG)), DrawnPages())
    row = page[page.index('<th scope="row">Table cells') :].split("</tr>")[0]
    assert "–" in row
    assert "0.0 %" not in row


def test_an_error_shows_what_was_read_and_where_the_truth_stands() -> None:
    page = render_report(report(document(WRONG)), DrawnPages())
    assert "Page 1: what was read and the truth" in page
    [picture] = pictures(page)
    assert holds_colour(picture, (209, 102, 42))
    assert holds_colour(picture, (46, 125, 79))


def test_places_far_apart_are_shown_one_by_one() -> None:
    page = render_report(report(document(WRONG)), DrawnPages("Net 100,00" + "\n" * 30 + "Total 119,00"))
    assert len(pictures(page)) == 2


def test_a_missed_value_is_shown_where_it_stands() -> None:
    missed = replace(WRONG, predicted=None, value=None, state=FieldState.ABSENT, evidence=None)
    page = render_report(report(document(missed)), DrawnPages())
    assert "Page 1: the truth" in page
    assert "(nothing)" in page


def test_a_document_is_opened_once_for_all_its_errors() -> None:
    reader = DrawnPages()
    render_report(report(document(WRONG, replace(WRONG, path="net_total"))), reader)
    assert reader.num_opened == 1


def test_a_file_that_is_gone_costs_its_pictures_only() -> None:
    page = render_report(report(document(WRONG)), NoPages())
    assert "CorruptDocument: the file could not be opened" in page
    assert not pictures(page)


def test_the_surest_errors_come_first_and_those_left_out_are_counted() -> None:
    fields = [replace(WRONG, path=f"f{n}", confidence=n / 1000, evidence=None) for n in range(MAX_ERRORS + 7)]
    assert choose_errors([document(*fields)])[0][1].path == f"f{MAX_ERRORS + 6}"
    page = render_report(report(document(*fields)), DrawnPages(""))
    assert page.count("<article") == MAX_ERRORS
    assert "7 more are not shown." in page


def test_failed_documents_are_listed_and_their_fields_are_not() -> None:
    failed = replace(document(WRONG), reason="CorruptDocument", message="can't be opened")
    page = render_report(report(failed), NoPages())
    assert "CorruptDocument" in page
    assert "<article" not in page


@pytest.mark.slow
def test_pictures_come_from_the_documents_own_pages(tmp_path: Path) -> None:
    painted = paint("invoice", 5)
    (tmp_path / "a.pdf").write_bytes(paint_pdf(painted))
    field = replace(WRONG, expected=painted.truth["grand_total"])
    write_report(report(replace(document(field), file=tmp_path / "a.pdf")), tmp_path / "report.html")
    [first, *_] = pictures((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert first.width >= 600
