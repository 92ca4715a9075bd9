"""An evaluation as one page for people: a single HTML file that needs no network and no script."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llava_ocr.evaluation.base import Comparison, DocumentResult, EvaluationReport, FieldResult
from llava_ocr.evaluation.markup import Html, joined, table, tag
from llava_ocr.evaluation.report_crops import Picture, crop_options, picture_or_reason
from llava_ocr.evaluation.report_figures import by_name, cards, curve, headline
from llava_ocr.evaluation.report_style import STYLE
from llava_ocr.raster.base import PageReader
from llava_ocr.raster.sandbox import open_page_reader

# Errors shown with their place on the page, and rows of other lists; the rest is counted.
MAX_ERRORS = 100
MAX_LISTED = 50


@dataclass(frozen=True)
class ShownError:
    """A wrong field with its document and the pictures of its places; `note` says why there are none."""

    document: DocumentResult
    field: FieldResult
    pictures: tuple[Picture, ...] = ()
    note: str = ""


def write_report(report: EvaluationReport, path: Path) -> None:
    """Write the page. Documents of errors are opened again for their pictures, in child processes."""
    reader = open_page_reader(crop_options(), num_children=1)
    try:
        page = render_report(report, reader)
    finally:
        reader.close()
    path.write_text(page, encoding="utf-8")


def render_report(report: EvaluationReport, reader: PageReader) -> str:
    """Return the page as HTML; `reader` draws the documents of errors."""
    title = f"Evaluation: {report.schema} on {report.dataset}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    body = tag(
        "main",
        _opening(report, title),
        cards(report),
        _section("Figures", _figures_note(report), headline(report)),
        *_tables(report),
        _section("Reliability", _RELIABILITY, curve(report.model.reliability)),
        _since_before(report.comparison) if report.comparison else Html(""),
        _failures(report.model.documents),
        _errors(report.model.documents, reader),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", body), lang="en") + "\n"


def _tables(report: EvaluationReport) -> Iterator[Html]:
    """By field, then by every group."""
    rules = report.rules
    yield _section("By field", _WORST, by_name("Field", report.model.by_field, rules.by_field if rules else None))
    for group, figures in report.model.by_group.items():
        beside = rules.by_group.get(group) if rules else None
        yield _section(f"By {group}", _WORST, by_name(group.capitalize(), figures, beside))


_WORST = "The worst first."
_RELIABILITY = (
    "How often fields are right, over how sure the reader was; the dashed line is where both agree. "
    "The columns tell how many fields stand behind each point."
)


def choose_errors(documents: Sequence[DocumentResult]) -> list[tuple[DocumentResult, FieldResult]]:
    """Every wrong field of the documents that could be read, the surest first: those are the dangerous ones."""
    wrong = [(one, field) for one in documents if not one.is_failed for field in one.fields if not field.is_right]
    return sorted(wrong, key=lambda entry: (-entry[1].confidence, entry[0].id, entry[1].path))


def _opening(report: EvaluationReport, title: str) -> Html:
    figures = report.model.figures
    pixels = "drawn as scans first" if report.is_scanned else "read as they are"
    facts = (
        f"{figures.num_documents:,} documents ({report.num_contents:,} distinct contents), "
        f"{figures.num_fields:,} values compared, {pixels}. Read by {report.model.name}."
    )
    notes = [tag("p", note, class_="soft") for note in report.notes]
    return tag("header", tag("h1", title), tag("p", facts, class_="soft"), *notes)


def _section(title: str, note: str, *content: str) -> Html:
    return tag("section", tag("h2", title), tag("p", note, class_="soft") if note else Html(""), *content)


def _figures_note(report: EvaluationReport) -> str:
    text = "Documents of one content weigh one together; intervals come from drawing issuers anew."
    return f"{text} The mark on a bar is what rules reach without a model." if report.rules else text


def _since_before(comparison: Comparison) -> Html:
    lists = [
        joined(tag("p", f"{len(entries):,} fields {what}."), _field_list(entries))
        if entries
        else tag("p", f"No field {what}.")
        for what, entries in (("broken", comparison.broken), ("righted", comparison.righted))
    ]
    return _section("Since the run before", "", *lists)


def _field_list(entries: Sequence[tuple[str, str]]) -> Html:
    rows = [[document, path] for document, path in entries[:MAX_LISTED]]
    return joined(table(["Document", "Field"], rows, class_="words"), _left_out(len(entries) - MAX_LISTED))


def _failures(documents: Sequence[DocumentResult]) -> Html:
    failed = [document for document in documents if document.is_failed]
    if not failed:
        return Html("")
    rows = [[one.id, one.reason, one.message] for one in failed[:MAX_LISTED]]
    note = "All fields of these documents score 0."
    return _section(
        "Failed documents",
        note,
        table(["Document", "Reason", ""], rows, class_="words"),
        _left_out(len(failed) - MAX_LISTED),
    )


def _left_out(count: int) -> Html:
    return tag("p", f"{count:,} more are not shown.", class_="soft") if count > 0 else Html("")


def _errors(documents: Sequence[DocumentResult], reader: PageReader) -> Html:
    errors = choose_errors(documents)
    if not errors:
        return _section("Errors", "No field of a document that could be read is wrong.")
    legend = tag(
        "div",
        tag("span", tag("span", class_="swatch read"), "where it was read"),
        tag("span", tag("span", class_="swatch truth"), "where the truth stands"),
        class_="legend",
    )
    shown = _pictured(errors[:MAX_ERRORS], reader)
    note = f"{len(errors):,} wrong fields, the surest first."
    return _section("Errors", note, legend, *(_error(one) for one in shown), _left_out(len(errors) - MAX_ERRORS))


def _pictured(errors: Sequence[tuple[DocumentResult, FieldResult]], reader: PageReader) -> list[ShownError]:
    """Give every error its pictures; each document is opened once."""
    by_file: defaultdict[Path, list[int]] = defaultdict(list)
    for at, (document, _) in enumerate(errors):
        by_file[document.file].append(at)
    shown: dict[int, ShownError] = {}
    for path, places in by_file.items():
        pictures, reason = picture_or_reason(reader, path, [errors[at][1] for at in places])
        for at, found in zip(places, pictures, strict=True):
            shown[at] = ShownError(*errors[at], tuple(found), reason)
    return [shown[at] for at in range(len(errors))]


def _error(shown: ShownError) -> Html:
    field = shown.field
    pictures = [_figure(picture) for picture in shown.pictures]
    return tag(
        "article",
        tag("header", tag("h3", field.path, class_="mono"), tag("span", shown.document.id, class_="soft")),
        tag("dl", *_terms(field)),
        *(pictures or [tag("p", shown.note or "No place on the page is known.", class_="soft")]),
        class_="error",
    )


def _terms(field: FieldResult) -> Iterator[Html]:
    """Expected, read, and how sure: as terms of a list."""
    expected = "(blank)" if field.expected is None else field.expected
    yield from _term("Expected", "(no such row)" if field.is_surplus else expected, class_="truth")
    is_same = field.value is None or str(field.value) == field.predicted
    read = "(nothing)" if field.predicted is None else field.predicted
    yield from _term("Read", read if is_same else f"{read}, taken to be {field.value}", class_="read")
    state = field.state.value if field.state else "nothing answered"
    where = ", stands nowhere on the page" if field.is_invented else ""
    yield from _term("State", f"{state}, confidence {field.confidence:.2f}{where}")


def _term(name: str, text: str, *, class_: str | None = None) -> Iterator[Html]:
    yield tag("dt", name)
    yield tag("dd", text, class_=class_)


def _figure(picture: Picture) -> Html:
    source = f"data:image/jpeg;base64,{picture.jpeg_base64}"
    return tag("figure", tag("img", src=source, alt=picture.caption), tag("figcaption", picture.caption))
