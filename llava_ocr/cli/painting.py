"""`llava-ocr synth`: painted documents with their truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.errors import ConfigError
from llava_ocr.synth.curate import ALL_PARTS, Balance, Curation, Part, Split


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="synth")(synth)


def synth(
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to")],
    count: Annotated[int, typer.Option(min=1)] = 100,
    scans: Annotated[bool, typer.Option("--scans", help="Worn images in place of digital PDFs")] = False,
    seed: Annotated[int, typer.Option(help="The first document's seed")] = 0,
    seed_from: Annotated[
        Path | None, typer.Option("--seed-from", help="Invoices only: take the content of e-invoices (UBL or CII XML)")
    ] = None,
    split: Annotated[Split | None, typer.Option(help="Only documents of this split; default: all, marked")] = None,
    hold_out: Annotated[
        list[Part] | None, typer.Option("--hold-out", help="Kept apart between splits; the first makes the hold-out")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Statements only: bookings of each, over as many pages")
    ] = None,
    unique: Annotated[bool, typer.Option("--unique", help="Each content once")] = False,
    balance: Annotated[Balance | None, typer.Option(help="As many of each as can be")] = None,
    system_fonts: Annotated[
        bool, typer.Option("--system-fonts", help="More looks: this machine's fonts, too; seeds then differ by machine")
    ] = False,
) -> int:
    """Paint documents whose every value is known, and write their truth beside them."""
    curation = Curation(split, tuple(hold_out or ALL_PARTS), unique, balance)
    # PyMuPDF takes a quarter of a second to import, which the other commands need not pay.
    from llava_ocr.synth import fonts

    with fonts.system_fonts(are_wanted=system_fonts):
        if seed_from is None:
            paths = _written(schema, count, out, scans=scans, seed=seed, curation=curation, rows=rows)
        else:
            paths = _written_from(seed_from, schema, count, out, scans=scans, seed=seed, curation=curation)
        written = sum(1 for _ in paths)
    Console().print(f"{written:,} documents and truth.jsonl in {out}", highlight=False)
    return 0


def _written(
    schema: str, count: int, out: Path, *, scans: bool, seed: int, curation: Curation, rows: int | None
) -> Iterator[Path]:
    from llava_ocr.synth.curate import curate
    from llava_ocr.synth.paint import painter
    from llava_ocr.synth.truth_file import write_painted

    documents = curate(painter(schema, num_rows=rows), count, curation, first_seed=seed)
    return write_painted(documents, out, scans=scans, parts=curation.parts)


def _written_from(
    source: Path, schema: str, count: int, out: Path, *, scans: bool, seed: int, curation: Curation
) -> Iterator[Path]:
    from llava_ocr.synth.curate import curate
    from llava_ocr.synth.seeding import seeded_painter
    from llava_ocr.synth.truth_file import write_painted

    if schema != "invoice":
        raise ConfigError(f"--seed-from has the content of invoices, not of {schema!r}")
    documents = curate(seeded_painter(source, first_seed=seed), count, curation, first_seed=seed)
    return write_painted(documents, out, scans=scans, parts=curation.parts)
