"""Documents that each have a type of their own: what nobody trained for, read and judged as any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from pydantic import create_model

from llava_ocr.evaluation.base import DocumentResult, EvaluationReport, Reading
from llava_ocr.evaluation.evaluate import Observer, ignore, result_of
from llava_ocr.evaluation.figures import summarize
from llava_ocr.evaluation.reading import Bench, read_by_rules, read_documents
from llava_ocr.evaluation.truth import BadDataset, Truth, parsed_line, truth_of
from llava_ocr.question import Question
from llava_ocr.schema import DocumentPart, DocumentSchema, Kind, Leaf, Text, group, read, rows

# What a report calls the type of documents of many.
OWN_TYPES = "own types"
_VALUES: dict[Kind, type] = {Kind.MONEY: Decimal, Kind.NUMBER: Decimal, Kind.DATE: date}


class DocumentOfOwnType(DocumentSchema):
    """Stands in a bench for the types that the documents themselves state."""

    field: Text | None = read("What a document states")


def evaluate_own_types(
    dataset: str,
    truth_file: Path,
    bench: Bench,
    *,
    is_scanned: bool = False,
    limit: int | None = None,
    observe: Observer = ignore,
) -> EvaluationReport:
    """Read documents whose truth says what is asked of each, by the engine and by the rules; fields are summed up by
    their kind. Raises BadDataset, and EngineError where the engine can answer nothing."""
    by_model: list[DocumentResult] = []
    by_rules: list[DocumentResult] = []
    is_rules = bench.engine.profile.answers_by_rules
    asked = list(islice(_load(truth_file, bench.question.max_new_tokens), limit))
    for truth, question in asked:
        own = replace(bench, question=question)
        [told] = read_documents([truth], own, is_scanned=is_scanned)
        by_model.append(result_of(told, own, is_scanned=is_scanned))
        if not is_rules:
            by_rules.append(result_of(read_by_rules(told, question), own, is_scanned=is_scanned))
        observe(by_model[-1])
    return EvaluationReport(
        dataset=dataset,
        schema=OWN_TYPES,
        is_scanned=is_scanned,
        num_contents=len({truth.content for truth, _ in asked}),
        model=_by_kind(bench.engine.profile.name, by_model),
        rules=None if is_rules else _by_kind("rules", by_rules),
    )


def _load(path: Path, max_new_tokens: int) -> Iterator[tuple[Truth, Question]]:
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.name}, line {number}"
        line = parsed_line(text, where)
        if not line.get("asked"):
            raise BadDataset(f"{where}: does not say what is `asked`; give --schema TYPE")
        question = Question.about(stated_schema(str(line.get("type")), line["asked"]), max_new_tokens=max_new_tokens)
        yield truth_of(text, number, path, question.root), question


def stated_schema(name: str, asked: Sequence[Mapping[str, Any]]) -> type[DocumentSchema]:
    """Make the type whose fields are stated in a truth file: path, kind, hint and labels of each."""
    stated = {str(one["path"]): one for one in asked}
    fields = _fields(stated, "")
    return create_model(name.title().replace("_", ""), __base__=DocumentSchema, __doc__=f"A {name}.", **fields)


def _fields(stated: Mapping[str, Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    """The fields below a path, in the order in which they are stated."""
    found: dict[str, Any] = {}
    for path, one in stated.items():
        if not path.startswith(prefix) or path == prefix:
            continue
        name, inner, _ = path.removeprefix(prefix).partition(".")
        if not inner and one["kind"] not in ("group", "rows"):
            found[name] = (_annotation(one), read(str(one["hint"]), labels=one["labels"]))
        elif name not in found:
            found[name.removesuffix("[]")] = _part(stated, f"{prefix}{name}", is_list=name.endswith("[]"))
    return found


def _part(stated: Mapping[str, Mapping[str, Any]], path: str, *, is_list: bool) -> Any:
    part = create_model(path.title().replace(".", ""), __base__=DocumentPart, **_fields(stated, f"{path}."))
    said = stated.get(path, {"hint": "", "labels": ()})
    if is_list:
        return list[part], rows(str(said["hint"]), labels=said["labels"])
    return part, group(part, str(said["hint"]), labels=said["labels"])


def _annotation(one: Mapping[str, Any]) -> Any:
    if choices := tuple(one.get("choices", ())):
        return Optional[Literal[choices]]  # noqa: UP045
    kind = Kind(one["kind"])
    leaf = Leaf(kind, str(one.get("pattern", "")), str(one.get("checksum", "")))
    return Annotated[_VALUES.get(kind, str), leaf] | None


def _by_kind(name: str, documents: Sequence[DocumentResult]) -> Reading:
    """Sum up documents; hardly two share a field, so fields are counted by what they hold."""
    kinds = [
        replace(document, fields=tuple(replace(one, path=one.kind.value) for one in document.fields))
        for document in documents
    ]
    return replace(summarize(name, documents), by_field=summarize(name, kinds, list(Kind)).by_field)
