"""`llava-ocr truth export`, `calibrate`, `crop`, `erase`: what comes after review."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from llava_ocr.db.browse import EVERYTHING
from llava_ocr.db.calibrations import examples, save_calibration
from llava_ocr.db.counts import count_cells, num_waiting
from llava_ocr.db.erase import (
    Erased,
    ErasedSubject,
    documents_about,
    documents_named,
    erase_document,
    erase_subject,
)
from llava_ocr.db.listings import list_all_again
from llava_ocr.db.people import COMMAND_LINE
from llava_ocr.db.queries import find_records
from llava_ocr.db.session import existing_database
from llava_ocr.db.truth import reviewed_records, truth_line
from llava_ocr.errors import ConfigError, ObjectChanged, ObjectNotFound
from llava_ocr.files import make_folder, require_writable, whole_file
from llava_ocr.geometry import union
from llava_ocr.jsonform import to_json
from llava_ocr.originals import original
from llava_ocr.review.calibration import MIN_EXAMPLES, MIN_WRONG, Example, fit
from llava_ocr.review.reliability import Reliability, reliability
from llava_ocr.schema import tree
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]

truth = typer.Typer(help="Reviewed records as truth for evaluations and training.", no_args_is_help=True)


class TooFewVerdicts(ConfigError):
    """People have judged too few fields to learn from."""

    hint = "Review more records with `llava-ocr serve`; every accepted or corrected field counts."


class NothingToErase(ConfigError):
    """No document fits."""

    hint = "`llava-ocr show DOCUMENT` finds documents by the start of their id or the end of their address."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(truth, name="truth")
    app.command(name="calibrate")(calibrate)
    app.command(name="crop")(crop)
    app.command(name="erase")(erase)


@truth.command("export")
def export_truth(
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write truth.jsonl and the documents to")],
    db: Url = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
) -> int:
    """Write approved records as a data set: `llava-ocr evaluate OUT -s SCHEMA` reads it."""
    console = Console(stderr=True)
    settings = load_settings(db=db, schemas=schemas)
    with open_services(settings) as services:
        root = tree(services.catalog.get(schema))
    with existing_database(settings.db) as database:
        with database.reading() as connection:
            records = list(reviewed_records(connection, root.name))
        make_folder(out / "documents")
        written = 0
        with whole_file(out / "truth.jsonl") as lines:
            for record in records:
                file = f"documents/{record.document_id[:16]}{Path(record.uri).suffix.lower()[:8]}"
                try:
                    with original(database, record.document_id, settings) as path:
                        shutil.copyfile(path, out / file)
                except (ObjectNotFound, ObjectChanged):
                    console.print(
                        f"left out, its document is gone or changed: {record.document_id[:12]}", highlight=False
                    )
                    continue
                lines.write(to_json(truth_line(record, root, file=file)).encode() + b"\n")
                written += 1
    console.print(f"{written:,} documents and truth.jsonl in {out}", highlight=False)
    return 0


@truth.callback()
def _truth() -> None:
    """Keep `truth export` two words though it is the only one."""


def calibrate(
    precision: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="Wanted share of right fields above the threshold")
    ] = 0.99,
    keep: Annotated[bool, typer.Option("--keep", help="Use it from now on")] = False,
    db: Url = None,
) -> int:
    """Learn from people's verdicts how likely a field is right, and show how honest that is on documents held back."""
    console = Console()
    with existing_database(db or load_settings().db) as database:
        with database.reading() as connection:
            judged = examples(connection)
        learn, held_back = _parted(judged)
        _require_enough(judged, learn, held_back)
        found = fit(learn)
        before = _measured(held_back, [one.reading.confidence for one in held_back], precision)
        said = [found.probability(one.reading, num_findings=one.num_findings) for one in held_back]
        after = _measured(held_back, said, precision)
        console.print(_figures(before, after))
        console.print(_threshold_line(after, precision), highlight=False)
        if keep:
            with database.writing() as connection:
                kept = fit(judged)
                kept = kept if after.threshold is None else replace(kept, review_below=after.threshold)
                save_calibration(connection, kept, {"precision": precision, **asdict(after)}, who=COMMAND_LINE)
            num_records = list_all_again(database)
            with database.reading() as connection:
                waiting = num_waiting(count_cells(connection, EVERYTHING))
            console.print(f"{num_records:,} records listed by it; {waiting:,} of them to check", highlight=False)
    return 0


def crop(
    document: Annotated[str, typer.Argument(help="The start of a document's id, or the end of its address")],
    path: Annotated[str, typer.Argument(help="A field, such as grand_total or lines[2].line_total")],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file to write")],
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type, where it was read as several")] = "",
    db: Url = None,
) -> int:
    """Cut the place that a field was read from out of its page."""
    # Imaging libraries take a quarter of a second, which other commands need not pay.
    from llava_ocr.web.pictures import Pictures

    require_writable(out)
    settings = load_settings(db=db)
    with existing_database(settings.db) as database:
        found = find_records(database, document, schema=schema)
        if len({record.id for record in found}) != 1:
            raise ConfigError(f"{len(found)} records fit {document!r}; name one")
        evidence = next((field.evidence for field in found[0].fields if field.path == path), None)
        if evidence is None or not evidence.boxes:
            raise ConfigError(f"{path} was read from no place on a page")
        pictures = Pictures(database, settings)
        try:
            picture = pictures.crop(found[0].document_id, evidence.page_index, union(evidence.boxes))
        finally:
            pictures.close()
    with whole_file(out) as stream:
        stream.write(picture)
    return 0


def erase(
    document: Annotated[str, typer.Option(help="The start of a document's id, or the end of its address")] = "",
    subject: Annotated[str, typer.Option(help="A name or number: every document with it in its values or words")] = "",
    reason: Annotated[str, typer.Option(help="Why; stays in the tombstone, so name nobody")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would go")] = False,
    report: Annotated[Path | None, typer.Option(help="With --subject: JSON file that proves it, without names")] = None,
    db: Url = None,
) -> int:
    """Remove documents with all that was read from them and said of them. A tombstone with hash and reason stays."""
    if bool(document) == bool(subject):
        raise ConfigError("give --document or --subject")
    if yes and not reason.strip():
        raise ConfigError("give a --reason")
    if report is not None and not subject:
        raise ConfigError("--report goes with --subject")
    if report is not None:
        require_writable(report)
    console = Console()
    with existing_database(db or load_settings().db) as database:
        wanted = documents_about(database, subject) if subject else _only(documents_named(database, document))
        if not wanted:
            raise NothingToErase("no document fits")
        if not yes:
            for document_id, place in wanted.items():
                console.print(f"would erase {document_id[:16]}  {place}", highlight=False, markup=False)
            console.print("--yes does it; the documents themselves stay where they lie", highlight=False)
            return 0
        if subject:
            proof = erase_subject(database, subject, who=COMMAND_LINE, reason=reason)
            return _proved(proof, report, console)
        erased = [erase_document(database, one, who=COMMAND_LINE, reason=reason) for one in wanted]
    for one in erased:
        _show_erased(one, console)
    return 0 if not any(one.left for one in erased) else 5


def _proved(proof: ErasedSubject, report: Path | None, console: Console) -> int:
    for one in proof.documents:
        _show_erased(one, console)
    mentioned = f"{sum(proof.before.values()):,} of {proof.num_texts_read:,} texts mentioned the subject"
    left = f"LEFT: {proof.after}, in {proof.num_files_with_it} files" if not proof.is_proved else "none does now"
    console.print(f"{mentioned}; {left}", highlight=False)
    for name in proof.untouched:
        console.print(f"  a file beside the database holds it, too, and was not touched: {name}", highlight=False)
    if report is not None:
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        with whole_file(report) as stream:
            stream.write(to_json({"made_at": made_at, "is_proved": proof.is_proved, **asdict(proof)}).encode() + b"\n")
    return 0 if proof.is_proved else 5


def _only(found: dict[str, str]) -> dict[str, str]:
    if len(found) > 1:
        raise ConfigError(f"{len(found)} documents fit; give more of the id")
    return found


def _show_erased(report: Erased, console: Console) -> None:
    rows = ", ".join(f"{count:,} {name}" for name, count in report.counts.items() if count)
    left = f"LEFT: {report.left}" if report.left else "nothing is left"
    console.print(f"erased {report.document_id}: {rows}; {left}", highlight=False, markup=False, soft_wrap=True)
    for place in report.places:
        console.print(f"  the document itself still lies at {place}", highlight=False, markup=False, soft_wrap=True)


def _parted(judged: list[Example]) -> tuple[list[Example], list[Example]]:
    """Hold back every third document, always the same ones."""
    learn: list[Example] = []
    held_back: list[Example] = []
    for one in judged:
        is_held_back = int(hashlib.sha256(one.document_id.encode()).hexdigest()[:8], 16) % 3 == 0
        (held_back if is_held_back else learn).append(one)
    return learn, held_back


def _require_enough(judged: list[Example], learn: list[Example], held_back: list[Example]) -> None:
    wrong = sum(not one.is_right for one in judged)
    if len(judged) < MIN_EXAMPLES or wrong < MIN_WRONG or not held_back:
        raise TooFewVerdicts(
            f"{len(judged):,} judged fields, {wrong:,} of them wrong; {MIN_EXAMPLES} and {MIN_WRONG} are needed"
        )
    if len({one.is_right for one in learn}) < 2:
        raise TooFewVerdicts("the judged fields to learn from are all right, or all wrong")


def _measured(held_back: list[Example], said: list[float], precision: float) -> Reliability:
    return reliability(said, [one.is_right for one in held_back], precision=precision)


def _figures(before: Reliability, after: Reliability) -> Table:
    table = Table(title=f"On {after.count:,} fields of documents held back", title_justify="left")
    for column in ("figure", "as read", "calibrated"):
        table.add_column(column)
    rows = {
        "right": [f"{one.accuracy:.1%}" for one in (before, after)],
        "AUC": ["-" if one.auc is None else f"{one.auc:.3f}" for one in (before, after)],
        "calibration error": [f"{one.error:.3f}" for one in (before, after)],
        "right among the surest 80 %": [f"{one.accuracy_at_80:.1%}" for one in (before, after)],
    }
    for name, figures in rows.items():
        table.add_row(name, *figures)
    return table


def _threshold_line(found: Reliability, precision: float) -> str:
    if found.threshold is None:
        return f"no threshold makes {precision:.1%} of the fields above it right"
    return f"from {found.threshold:.3f} on, {precision:.1%} are right; {found.to_look_at:.0%} of fields are below it"
