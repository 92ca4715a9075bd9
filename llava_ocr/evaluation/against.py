"""This evaluation beside an earlier one, from the JSON it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llava_ocr.errors import ConfigError
from llava_ocr.evaluation.as_json import HEADLINE, headline
from llava_ocr.evaluation.base import Change, Comparison, EvaluationReport, FieldResult


class BadPrevious(ConfigError):
    """The earlier evaluation can't be compared with this one."""

    hint = "Give the file that `llava-ocr evaluate ... --json` wrote for the same schema."


def load_previous(path: Path, *, schema: str) -> dict[str, Any]:
    """Read an earlier evaluation's JSON. Raises BadPrevious where it is none, or of another schema."""
    try:
        previous = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadPrevious(f"{path}: {type(error).__name__}") from None
    wanted = {"field_exact": object, "schema": str, "documents": list, "errors": list}
    if not isinstance(previous, dict) or any(not isinstance(previous.get(k), kind) for k, kind in wanted.items()):
        raise BadPrevious(f"{path}: is no evaluation")
    if previous["schema"] != schema:
        raise BadPrevious(f"{path}: is of another schema than {schema!r}")
    return previous


def compare_with(previous: dict[str, Any], report: EvaluationReport) -> Comparison:
    """Say which figures moved, and which fields of documents that both runs read became right or wrong."""
    now = headline(report.model.figures)
    known = {entry["id"] for entry in previous["documents"]}
    was_wrong = {(entry["document"], entry["path"]) for entry in previous["errors"] if not entry["is_surplus"]}
    fields = [(document.id, one) for document in report.model.documents for one in document.fields]
    counted = [(name, one) for name, one in fields if name in known and not one.is_surplus]
    return Comparison(
        figures={name: Change(previous.get(name), now[name]) for name in HEADLINE},
        righted=tuple(_key(name, one) for name, one in counted if one.is_right and _key(name, one) in was_wrong),
        broken=tuple(_key(name, one) for name, one in counted if not one.is_right and _key(name, one) not in was_wrong),
    )


def _key(document_id: str, one: FieldResult) -> tuple[str, str]:
    return document_id, one.path
