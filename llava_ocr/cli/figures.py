"""An evaluation on the console: figures beside the rules' and the last run's, then field by field, then what failed."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from llava_ocr.errors import error_hint
from llava_ocr.evaluation.as_json import HEADLINE
from llava_ocr.evaluation.base import BundleFigures, Comparison, DocumentResult, EvaluationReport, Figures

# Failed documents and broken fields that are shown; the rest is counted.
MAX_ROWS = 20
_NAMES = {
    "field_exact": "header fields right",
    "anls": "header fields alike (ANLS)",
    "list_f1": "cells of lists, F1",
    "document_exact": "documents without a fault",
    "evidence_word_f1": "evidence, word F1",
    "blank_precision": "blanks, precision",
    "blank_recall": "blanks, recall",
    "invented": "values not on the page",
    "auc": "confidence, AUC",
    "accuracy_at_80": "right among the surest 80 %",
    "num_failed": "documents failed",
    "seconds_per_page": "seconds a page",
}
_PLAIN = frozenset({"invented", "num_failed", "auc"})


def show_report(report: EvaluationReport, console: Console) -> None:
    """Print the report's tables and notes."""
    console.print(figures_table(report))
    if report.bundles is not None:
        console.print(bundles_table(report.bundles))
    console.print(fields_table(report))
    _show_failures(report, console)
    if report.comparison is not None:
        _show_changes(report.comparison, console)
    for note in report.notes:
        console.print(escape(note), style="dim", highlight=False)


def progress_line(document: DocumentResult) -> str:
    """What came of one document, in a line."""
    num_right = sum(one.is_right for one in document.fields)
    told = document.reason or f"{num_right:,} of {len(document.fields):,} fields right"
    return f"{document.id}: {told}, {document.seconds:.1f} s"


def figures_table(report: EvaluationReport) -> Table:
    """One row a measure: the engine with its 95 % interval, the rules, the run before."""
    figures = report.model.figures
    title = f"{report.schema}: {figures.num_documents:,} documents, {report.num_contents:,} of them distinct, "
    table = Table(title=title + f"{figures.num_fields:,} values", title_justify="left")
    table.add_column("measure")
    for column in (report.model.name, "95 %", "rules"):
        table.add_column(escape(column), justify="right")
    if report.comparison is not None:
        table.add_column("before", justify="right")
        table.add_column("change", justify="right")
    for name in HEADLINE:
        if name in _NAMES:
            table.add_row(_NAMES[name], *_cells(name, report))
    return table


def bundles_table(figures: BundleFigures) -> Table:
    """How files with several documents came apart, and how often what was decided with so much certainty was right."""
    title = f"{figures.num_files:,} bundles of {figures.num_documents:,} documents, {figures.num_records:,} records"
    table = Table("measure", Column("", justify="right"), title=title, title_justify="left")
    for name, share in (
        ("cuts, F1", figures.split_f1),
        ("cuts, precision", figures.split_precision),
        ("cuts, recall", figures.split_recall),
        ("bundles without a fault", figures.files_exact),
        ("documents with just their pages", figures.documents_whole),
        ("records whose checks hold", figures.records_sound),
    ):
        table.add_row(name, "" if share is None else f"{share:.3f}")
    table.add_row("values from another document's page", f"{figures.num_strays:,}")
    for one in figures.certainty:
        name = f"right of {one.num_fields:,} decisions {one.low:.0%} to {one.high:.0%} certain"
        table.add_row(name, f"{one.accuracy:.3f}")
    return table


def fields_table(report: EvaluationReport) -> Table:
    """One row a leaf of the schema: how many values, how many of them right, by the engine and by the rules."""
    table = Table(title="By field", title_justify="left")
    table.add_column("field", overflow="fold")
    for column in ("values", report.model.name, "95 %", "rules"):
        table.add_column(escape(column), justify="right")
    rules = report.rules.by_field if report.rules else {}
    for path, figures in report.model.by_field.items():
        beside = rules[path].field_exact if path in rules else None
        cells = shown("", figures.field_exact), interval(figures, "field_exact"), shown("", beside)
        table.add_row(escape(path), f"{figures.num_fields:,}", *cells)
    return table


def shown(name: str, value: float | None) -> str:
    """A figure as a person reads it: shares in percent."""
    if value is None:
        return "-"
    if name == "seconds_per_page":
        return f"{value:.2f} s"
    if name in _PLAIN:
        return f"{value:.2f}" if isinstance(value, float) else f"{value:,}"
    return f"{100 * value:.1f} %"


def interval(figures: Figures, name: str) -> str:
    """A figure's interval in the same form."""
    found = figures.intervals.get(name)
    if found is None:
        return ""
    low, high = (shown(name, value).removesuffix(" %") for value in (found.low, found.high))
    return f"{low} to {high}"


def _cells(name: str, report: EvaluationReport) -> list[str]:
    figures = report.model.figures
    rules = getattr(report.rules.figures, name) if report.rules else None
    cells = [shown(name, getattr(figures, name)), interval(figures, name), shown(name, rules)]
    if report.comparison is not None:
        change = report.comparison.figures[name]
        moved = shown(name, change.difference)
        cells += [shown(name, change.before), moved if moved.startswith("-") else f"+{moved}"]
    return cells


def _show_failures(report: EvaluationReport, console: Console) -> None:
    failed = [document for document in report.model.documents if document.is_failed]
    if not failed:
        return
    table = Table(title="Failed", title_justify="left")
    for column in ("document", "why", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for document in failed[:MAX_ROWS]:
        hint = error_hint(document.reason)
        table.add_row(escape(document.id), document.reason, escape(document.message), escape(hint))
    console.print(table)
    if len(failed) > MAX_ROWS:
        console.print(f"... and {len(failed) - MAX_ROWS:,} more failures")


def _show_changes(comparison: Comparison, console: Console) -> None:
    console.print(f"{len(comparison.righted):,} fields became right, {len(comparison.broken):,} became wrong")
    for document, path in comparison.broken[:MAX_ROWS]:
        console.print(f"  now wrong: {escape(document)} {escape(path)}", highlight=False, soft_wrap=True)
