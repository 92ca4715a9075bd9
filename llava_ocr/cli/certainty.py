"""`llava-ocr certainty`: fits the confidence that the package ships, on painted documents; for makers of models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from llava_ocr.errors import ConfigError
from llava_ocr.files import whole_file
from llava_ocr.settings import load_settings, override

DEFAULT_SETS = "invoice,receipt,statement"
# Seeds of documents to learn from and of those held back never meet.
_LEARNT_FROM, _HELD_BACK = 500_000, 0
# One document in so many is a worn scan.
_SCANS = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="certainty")(certainty)


def certainty(
    out: Annotated[Path, typer.Option("--out", "-o", help="File of parameters, `grounding/certainty.json`")],
    count: Annotated[
        int, typer.Option(min=20, help="Documents of each type to learn from; half as many are held back")
    ] = 200,
    types: Annotated[str, typer.Option(help="Document types that can be painted")] = DEFAULT_SETS,
    precision: Annotated[float, typer.Option(min=0.5, max=1.0, help="Wanted share of right fields")] = 0.99,
    engine: Annotated[str | None, typer.Option(help="small, a folder or hub name")] = None,
) -> int:
    """Read painted documents that no model was trained on, learn when a field is right, and write the parameters."""
    # Torch takes seconds to import, which the other commands need not pay.
    from llava_ocr.evaluation.certainty_fit import fit_certainty
    from llava_ocr.evaluation.painted import judged_painted, measured

    names = [name.strip() for name in types.split(",") if name.strip()]
    if not names:
        raise ConfigError("give one document type at least")
    settings = override(load_settings(), engine=engine)
    console = Console(stderr=True)
    learnt_from = judged_painted(settings, names, count=count, first_seed=_LEARNT_FROM, one_scan_in=_SCANS)
    console.print(f"{len(learnt_from):,} fields to learn from", highlight=False)
    held_back = judged_painted(settings, names, count=count // 2, first_seed=_HELD_BACK, one_scan_in=_SCANS)
    found = fit_certainty(learnt_from)
    with_value = [one for one in held_back if one.has_value]
    figures = {"precision": precision, **asdict(measured(found, with_value, precision))}
    with_absent = {"precision": precision, **asdict(measured(found, held_back, precision))}
    fitted = {
        "num_documents_fitted": _num_documents(learnt_from),
        "num_documents_held_back": _num_documents(held_back),
        "num_fields_fitted": len(learnt_from),
    }
    kept = {**found.to_object(), "fitted": fitted, "figures": figures, "figures_with_absent": with_absent}
    with whole_file(out) as stream:
        stream.write(json.dumps(kept, separators=(",", ":")).encode() + b"\n")
    shown = {name: figures[name] for name in ("count", "accuracy", "auc", "error", "accuracy_at_80", "to_look_at")}
    typer.echo(json.dumps({"out": str(out), **fitted, **shown}))
    return 0


def _num_documents(fields: Sequence[Any]) -> int:
    return len({one.document_id for one in fields})
